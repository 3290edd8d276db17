"""What Kedro reads to set this project up."""

from model_lifecycle.configuration import CaseConfigLoader, LifecycleContext
from model_lifecycle.hooks import ChampionHook, ProgressHook, RunLockHook, SummaryHook
from model_lifecycle.locations import package_data

CONFIG_LOADER_CLASS = CaseConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {"package_data": package_data},
}

CONTEXT_CLASS = LifecycleContext

HOOKS = (SummaryHook(), ProgressHook(), ChampionHook(), RunLockHook())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
