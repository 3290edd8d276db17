"""The commands: Kedro's own through ``kedro``, this package's also through ``python -m model_lifecycle``."""

from model_lifecycle.commands import KEDRO_COMMANDS, CommandGroup

OWN_COMMANDS = {
    "alerts": "model_lifecycle.datasets.alert_command:alerts",
    "backfill": "model_lifecycle.datasets.backfill_command:backfill",
    "contract": "model_lifecycle.datasets.contract_command:contract",
    "keys": "model_lifecycle.serving.keys_command:keys",
    "loop": "model_lifecycle.rehearsal.command:loop",
    "release": "model_lifecycle.datasets.release_command:release",
    "serve": "model_lifecycle.serving.command:serve",
    "store": "model_lifecycle.serving.store_command:store",
    "viz": "model_lifecycle.viz:viz",
    "watch": "model_lifecycle.agent.command:watch",
}

cli = CommandGroup(name="model_lifecycle", lazy={**KEDRO_COMMANDS, **OWN_COMMANDS})
