"""What every secrets backend must hold to.

    class TestMyVault(SecretsBackendContractTest):
        backend_cls = MyVaultBackend
        known = {"STRIPE_KEY": "sk_test_…"}     # put there by your fixture

Source: seeds, "Secrets (SecretsBackend)".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from automate_governance.errors import NormalizedError
from automate_governance.secrets.interfaces import SecretNotFoundError, SecretsBackend
from automate_testing.contracts.leaks import everything_shown

MISSING = "NO_SUCH_SECRET_7F3E"


class SecretsBackendContractTest:
    """Subclass it, set `backend_cls`, and name at least one secret that is there."""

    backend_cls: ClassVar[type[SecretsBackend]]
    known: ClassVar[Mapping[str, str]] = {}  # name → value
    missing: ClassVar[str] = MISSING

    def make_backend(self) -> SecretsBackend:
        return self.backend_cls()

    def test_it_is_a_secrets_backend(self) -> None:
        assert issubclass(self.backend_cls, SecretsBackend), "a backend is a subclass of SecretsBackend"

    def test_known_secrets_are_returned_as_they_are(self) -> None:
        assert self.known, "name at least one secret in `known`"
        backend = self.make_backend()
        for _ in range(2):
            for name, value in self.known.items():
                found = backend.get_secret(name)
                assert isinstance(found, str), f"{name}: a secret is text, not {type(found).__name__}"
                assert found == value, f"{name}: the value is not the one that was stored"

    def test_a_missing_secret_raises_and_is_named(self) -> None:
        error = self._error_of(self.missing)
        assert error is not None, "a missing secret must raise SecretNotFoundError, never answer with nothing"
        assert isinstance(error, SecretNotFoundError), (
            f"a missing secret must raise SecretNotFoundError, not {type(error).__name__}"
        )
        assert self.missing in everything_shown(error), "the error must name the secret that is missing"

    def test_names_are_exact(self) -> None:
        for name in self.known:
            for other in (name + " ", name.swapcase(), f"../{name}", f"{name}/", f"{name}\n"):
                if other in self.known:
                    continue
                error = self._error_of(other)
                assert isinstance(error, NormalizedError), f"{other!r} must not be taken for {name!r}"

    def test_errors_and_texts_show_no_value(self) -> None:
        error = self._error_of(self.missing)
        shown = (
            everything_shown(error) + repr(self.make_backend()) + str(vars(type(self.make_backend())).get("__doc__"))
        )
        for name, value in self.known.items():
            assert value not in shown, f"{name}: its value stands in an error or in the backend's text"

    def test_it_is_asked_from_several_threads(self) -> None:
        backend = self.make_backend()
        problems: list[str] = []

        def ask() -> None:
            for name, value in self.known.items():
                try:
                    if backend.get_secret(name) != value:
                        problems.append(f"{name}: another thread got another value")
                except BaseException as error:
                    problems.append(f"{name}: failed in another thread: {type(error).__name__}")

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert not problems, problems[0]

    def _error_of(self, name: str) -> Any:
        try:
            self.make_backend().get_secret(name)
        except Exception as error:
            return error
        return None
