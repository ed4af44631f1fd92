"""The template that is deployed: Chalice's own, with everything that Chalice cannot declare laid over it.

`render` is what `chalice package --merge-template .chalice/resources.json` writes, made in this process and for any
settings; `cloudformation` is the same without SAM, as it is shown, deployed and tested.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.deploy import deployer
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import SAMTemplateGenerator, TemplateDeepMerger
from chalice.policy import AppPolicyGenerator
from chalice.utils import OSUtils

from chalicelib.model import ParapetError
from chalicelib.settings import Settings
from deploy import resources, rights
from deploy.resources import Template, functions

ROOT = Path(__file__).parent.parent
# The one stage in the eyes of Chalice, which serves all of ours: those are a parameter of the template.
CHALICE_STAGE = "any"


def render(settings: Settings, app: Any = None, root: Path = ROOT) -> Template:
    """Return the SAM template for the modes that settings have in force.

    Args:
        settings: whose modes decide what the roles may do; `observed` goes into the functions' environment.
        app: the Chalice app, by default ours.
        root: where `.chalice/config.json` is.

    Raises:
        ParapetError: for a function that has no policy, or is not configured.
    """
    app = app or importlib.import_module("app").app
    config = json.loads((root / ".chalice" / "config.json").read_text("utf-8"))
    policies = rights.policies(settings)
    check(app, config, policies)
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / ".chalice" / "policies"
        where.mkdir(parents=True)
        for name, policy in policies.items():
            (where / f"{name}.json").write_text(json.dumps(policy), "utf-8")
        base = _packaged(app, config, folder)
    return dict(TemplateDeepMerger().merge(resources.merged(app, settings), base))


def check(app: Any, config: Mapping[str, Any], policies: Mapping[str, rights.Policy]) -> None:
    """Compare what Chalice registers, how it is configured, and which policies there are; raises ParapetError."""
    names = {function.name for function in functions.registered(app)}
    configured = config["lambda_functions"]
    for name in sorted({*names, *policies, *configured}):
        if name not in names:
            raise ParapetError(f"{name} is configured or has a policy, but app.py registers no such function")
        if name not in policies:
            raise ParapetError(f"{name} has no policy: deploy/rights.py must say what it may do")
        if configured.get(name, {}).get("iam_policy_file") != f"policies/{name}.json":
            raise ParapetError(f"{name}: .chalice/config.json must name policies/{name}.json as its iam_policy_file")


def cloudformation(template: Template, region: str) -> Template:
    """Return a SAM template as the CloudFormation that it stands for; raises ParapetError for what SAM refuses."""
    from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    # SAM asks the session for nothing but its region.
    session: Any = _Session(region)
    metrics = Metrics("Parapet", DummyMetricsPublisher())
    translator = Translator({}, Parser(), boto_session=session, metrics=metrics)
    try:
        found = translator.translate(json.loads(json.dumps(template)), parameter_values={})
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise ParapetError(f"SAM refuses the template: {causes}") from error
    finally:
        # To nobody; it would warn that nobody got them.
        metrics.publish()
    return dict(found)


def _packaged(app: Any, config: dict[str, Any], folder: str) -> Template:
    """Return what Chalice's packager makes of an app, but for the artefact, which is not its own here."""
    given = {"chalice_app": app, "project_dir": folder}
    known = Config(CHALICE_STAGE, user_provided_params=given, config_from_disk=config)
    application = ApplicationGraphBuilder().build(known, CHALICE_STAGE)
    steps = [
        deployer.InjectDefaults(),
        _ElsewhereBuilt(),
        deployer.PolicyGenerator(policy_gen=AppPolicyGenerator(osutils=OSUtils()), osutils=OSUtils()),
        deployer.SwaggerBuilder(swagger_generator=CFNSwaggerGenerator()),
    ]
    models = DependencyBuilder().build_dependencies(application)
    deployer.BuildStage(steps).execute(known, models)
    return dict(SAMTemplateGenerator(known, _Principals()).generate(models))


class _ElsewhereBuilt(deployer.BaseDeployStep):  # type: ignore[misc]
    def handle_deploymentpackage(self, _config: Config, package: Any) -> None:
        package.filename = "deploy/package.py builds it"


class _Principals:
    def service_principal(self, service: str) -> str:
        return f"{service}.amazonaws.com"


class _Session:
    def __init__(self, region: str) -> None:
        self.region_name = region
