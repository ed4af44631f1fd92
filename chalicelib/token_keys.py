"""The keys of tokens: one signs, and after a rotation the one before it counts as well, until the next."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib import secrets
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.secrets import Secret
from chalicelib.tokens import SHORTEST, Key

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
# How often at most anybody with a made-up token can make us read them anew (seconds).
READ_ANEW = 60.0


class Keys:
    """The keys in one secret of Secrets Manager, by their version's number, kept as long as other secrets are."""

    def __init__(self, aws: Aws, secret: str, clock: Callable[[], float]) -> None:
        """Name the secret; nothing is read yet. The clock need only go forward."""
        self._aws, self._secret, self._clock = aws, secret, clock
        self._known: dict[str, Key] = {}
        self._at = float("-inf")

    def current(self) -> Key:
        """Return the key that signs; raises ParapetError naming its place and what to mend."""
        if self._clock() - self._at >= secrets.AGE:
            self._read()
        return next(iter(self._known.values()))

    def named(self, name: str) -> Key | None:
        """Return a key that counts by its name, None for any other; raises ParapetError as `current` does."""
        if self._clock() - self._at >= (secrets.AGE if name in self._known else READ_ANEW):
            self._read()
        return self._known.get(name)

    def _read(self) -> None:
        if not self._secret:
            raise ParapetError("PARAPET_TOKEN_KEY is not set: it names the secret that tokens are signed with")
        secrets.quieten()
        current, previous = self._version(CURRENT), self._version(PREVIOUS)
        if current is None:
            raise ParapetError(f"Secrets Manager secret {self._secret} does not exist: is Parapet deployed here?")
        self._known = {one.name: one for one in (current, previous) if one}
        self._at = self._clock()

    def _version(self, stage: str) -> Key | None:
        missing = ("ResourceNotFoundException",)
        try:
            found = self._aws(
                "secretsmanager", "get_secret_value", absent=missing, SecretId=self._secret, VersionStage=stage
            )
        except AwsError as error:
            raise ParapetError(f"the key of tokens cannot be read from {self._secret}: {error}") from None
        if not found:
            return None
        value = str(found.get("SecretString", "")).strip()
        if len(value) < SHORTEST:
            raise ParapetError(f"{self._secret} ({stage}) holds no key of tokens: {SHORTEST} characters at least")
        return Key(str(found["VersionId"]), Secret(value))
