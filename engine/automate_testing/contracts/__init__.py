"""Contract tests: what the engine relies on, as tests that a plugin's author inherits.

connectors   ConnectorContractTest
secrets      SecretsBackendContractTest
llm          LLMProviderContractTest
"""

from automate_testing.contracts.connectors import ConnectorContractTest
from automate_testing.contracts.json_values import assert_json
from automate_testing.contracts.leaks import CANARY
from automate_testing.contracts.llm import LLMProviderContractTest
from automate_testing.contracts.secrets import SecretsBackendContractTest

__all__ = [
    "CANARY",
    "ConnectorContractTest",
    "LLMProviderContractTest",
    "SecretsBackendContractTest",
    "assert_json",
]
