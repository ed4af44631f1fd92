"""E-mail, through SNS: sends each notice once to the addresses that it is for, which SNS knows by a filter each.

A notice without a record is sent: whoever stopped between sending and recording sends it again, since an e-mail twice
is better than none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from chalicelib.model import Aws, AwsError, Notice, ParapetError
from chalicelib.notices import email_text
from chalicelib.notices.channel import Outcome, RateLimited, Refused, Unreachable
from chalicelib.notices.threads import Threads, Told, mark

SPARE = 5.0
# What SNS says when a person must mend something: the topic, its key, or our right to either.
MENDED = {
    "NotFound": "the topic {topic} is gone: deploy again",
    "AuthorizationError": "this function's role may not publish to {topic}: deploy again",
    "KMSAccessDenied": "this function's role may not use the key of {topic}: deploy again",
    "KMSDisabled": "the key of {topic} is disabled: enable it",
    "KMSNotFound": "the key of {topic} is gone: deploy again",
    "KMSInvalidState": "the key of {topic} cannot be used as it is: see to it in KMS",
}


class Email:
    """Tells people's mailboxes."""

    def __init__(
        self, aws: Aws, topic: str, threads: Threads, stage: str, now: Callable[[], float] = time.time
    ) -> None:
        """Keep how to send; raises ParapetError without a topic."""
        if not topic:
            raise ParapetError("PARAPET_EMAIL_TOPIC is not set: it names the topic that e-mails go out through")
        self._aws = aws
        self._topic = topic
        self._threads = threads
        self._stage = stage
        self._now = now

    def tell(self, notice: Notice, remaining: Callable[[], float]) -> Outcome:
        """Send a notice unless it was sent before.

        Args:
            notice: the news.
            remaining: tells how many seconds this invocation still has.

        Raises:
            RateLimited, Unreachable: when a later try may well succeed.
            Refused: when somebody has to mend something first.
            Busy, AwsError: when the thread's record cannot be read or written.
        """
        addresses = notice.destination.email if notice.destination else ()
        if not addresses:
            return Outcome("nobody", "it is for no address")
        thread, key = self._threads.read(mark(notice.thread)), mark(notice.key)
        if thread.has(key):
            return Outcome("known")
        if remaining() < SPARE:
            raise RateLimited("this invocation has too little time left to call SNS")
        message = self._publish(notice, addresses)
        subject = email_text.subject(notice)
        self._threads.sent(
            thread, Told(key, message, notice.at, notice.status, subject), "email", thread.root or message
        )
        return Outcome("sent", message)

    def _publish(self, notice: Notice, addresses: tuple[str, ...]) -> str:
        try:
            answer = self._aws(
                "sns",
                "publish",
                TopicArn=self._topic,
                Subject=email_text.subject(notice),
                Message=email_text.body(notice, self._stage),
                MessageAttributes={"to": {"DataType": "String.Array", "StringValue": json.dumps(list(addresses))}},
            )
        except AwsError as error:
            code = error.code.removesuffix("Exception")
            if code in MENDED:
                raise Refused(code, f"SNS refused the e-mail: {MENDED[code].format(topic=self._topic)}") from error
            if error.transient or code == "KMSThrottling":
                raise Unreachable(f"SNS did not take the e-mail: {error}; it is tried again") from error
            raise
        return str(answer["MessageId"])
