import pytest
from transports_kit import make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Paths of a certificate for localhost and its key, as options of a transport."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
