"""libspandsp by ``cffi``: what of its interface is used here, found at run time.

``cffi`` releases Python's lock while a function of the library runs.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from asterism.core.errors import AsterismError

SONAME, PACKAGE, EXTRA = "libspandsp.so.2", "libspandsp2", "asterism[fax]"

_DECLARATIONS = """
typedef struct fax_state_s fax_state_t;
typedef struct t30_state_s t30_state_t;
typedef struct t38_core_state_s t38_core_state_t;
typedef struct t38_terminal_state_s t38_terminal_state_t;
typedef struct t38_gateway_state_s t38_gateway_state_t;
typedef struct logging_state_s logging_state_t;
typedef struct modem_connect_tones_rx_state_s modem_connect_tones_rx_state_t;

typedef struct {
    int bit_rate;
    int error_correcting_mode;
    int pages_tx;
    int pages_rx;
    int pages_in_file;
    int x_resolution;
    int y_resolution;
    int width;
    int length;
    int image_size;
    int encoding;
    int bad_rows;
    int longest_bad_row_run;
    int error_correcting_mode_retries;
    int current_status;
} t30_stats_t;

typedef struct {
    int bit_rate;
    int error_correcting_mode;
    int pages_transferred;
} t38_stats_t;

typedef int phase_handler_t(t30_state_t *, void *, int);
typedef void end_handler_t(t30_state_t *, void *, int);
typedef int packet_handler_t(t38_core_state_t *, void *, const uint8_t *, int, int);
typedef void tone_handler_t(void *, int, int, int);
typedef void message_handler_t(int, const char *);

fax_state_t *fax_init(fax_state_t *, int calling_party);
int fax_free(fax_state_t *);
int fax_rx(fax_state_t *, int16_t *, int);
int fax_rx_fillin(fax_state_t *, int);
int fax_tx(fax_state_t *, int16_t *, int);
void fax_set_transmit_on_idle(fax_state_t *, int);
t30_state_t *fax_get_t30_state(fax_state_t *);
logging_state_t *fax_get_logging_state(fax_state_t *);

t38_terminal_state_t *t38_terminal_init(t38_terminal_state_t *, int calling_party, packet_handler_t *, void *);
int t38_terminal_free(t38_terminal_state_t *);
int t38_terminal_send_timeout(t38_terminal_state_t *, int samples);
t30_state_t *t38_terminal_get_t30_state(t38_terminal_state_t *);
t38_core_state_t *t38_terminal_get_t38_core_state(t38_terminal_state_t *);
logging_state_t *t38_terminal_get_logging_state(t38_terminal_state_t *);

t38_gateway_state_t *t38_gateway_init(t38_gateway_state_t *, packet_handler_t *, void *);
int t38_gateway_free(t38_gateway_state_t *);
int t38_gateway_rx(t38_gateway_state_t *, int16_t *, int);
int t38_gateway_rx_fillin(t38_gateway_state_t *, int);
int t38_gateway_tx(t38_gateway_state_t *, int16_t *, int);
void t38_gateway_set_ecm_capability(t38_gateway_state_t *, int);
void t38_gateway_set_transmit_on_idle(t38_gateway_state_t *, int);
void t38_gateway_set_supported_modems(t38_gateway_state_t *, int);
void t38_gateway_get_transfer_statistics(t38_gateway_state_t *, t38_stats_t *);
t38_core_state_t *t38_gateway_get_t38_core_state(t38_gateway_state_t *);

int t38_core_rx_ifp_packet(t38_core_state_t *, const uint8_t *, int, uint16_t);
void t38_set_t38_version(t38_core_state_t *, int);
void t38_set_max_datagram_size(t38_core_state_t *, int);
void t38_set_fastest_image_data_rate(t38_core_state_t *, int);
void t38_set_data_rate_management_method(t38_core_state_t *, int);
logging_state_t *t38_core_get_logging_state(t38_core_state_t *);

int t30_set_tx_ident(t30_state_t *, const char *);
const char *t30_get_rx_ident(t30_state_t *);
int t30_set_tx_page_header_info(t30_state_t *, const char *);
int t30_set_ecm_capability(t30_state_t *, int);
int t30_set_supported_modems(t30_state_t *, int);
int t30_set_supported_compressions(t30_state_t *, int);
int t30_set_supported_resolutions(t30_state_t *, int);
int t30_set_supported_image_sizes(t30_state_t *, int);
int t30_set_rx_encoding(t30_state_t *, int);
void t30_set_rx_file(t30_state_t *, const char *, int);
void t30_set_tx_file(t30_state_t *, const char *, int, int);
void t30_set_phase_b_handler(t30_state_t *, phase_handler_t *, void *);
void t30_set_phase_d_handler(t30_state_t *, phase_handler_t *, void *);
void t30_set_phase_e_handler(t30_state_t *, end_handler_t *, void *);
void t30_get_transfer_statistics(t30_state_t *, t30_stats_t *);
int t30_call_active(t30_state_t *);
void t30_terminate(t30_state_t *);
logging_state_t *t30_get_logging_state(t30_state_t *);
const char *t30_completion_code_to_str(int);

modem_connect_tones_rx_state_t *modem_connect_tones_rx_init(
    modem_connect_tones_rx_state_t *, int tone, tone_handler_t *, void *);
int modem_connect_tones_rx_free(modem_connect_tones_rx_state_t *);
int modem_connect_tones_rx(modem_connect_tones_rx_state_t *, const int16_t *, int);

void *TIFFSetErrorHandler(void *);
void *TIFFSetWarningHandler(void *);

int span_log_set_level(logging_state_t *, int);
void span_log_set_message_handler(logging_state_t *, message_handler_t *);
"""


class MissingFaxLibraryError(AsterismError):
    """cffi or libspandsp is not there, or is another one; the text says what to install."""


class Spandsp(NamedTuple):
    """The library."""

    ffi: Any
    """The ``FFI`` of cffi, for buffers, handles and callbacks."""
    lib: Any
    """Its functions."""


@lru_cache(maxsize=1)
def spandsp() -> Spandsp:
    """Open the library, once.

    Raises:
        MissingFaxLibraryError: it cannot be used.
    """
    try:
        from cffi import FFI
    except ImportError as error:
        raise MissingFaxLibraryError(f"fax needs the Python package cffi: pip install '{EXTRA}'") from error
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    try:
        lib = ffi.dlopen(SONAME)
    except OSError as error:
        raise MissingFaxLibraryError(f"fax needs {SONAME}: install the package {PACKAGE} (Debian, Ubuntu)") from error
    for name in ("fax_init", "t38_terminal_init", "t38_gateway_init", "t30_completion_code_to_str"):
        try:
            getattr(lib, name)
        except AttributeError as error:
            raise MissingFaxLibraryError(
                f"fax needs spandsp 0.0.6: the {SONAME} that is there has no {name}"
            ) from error
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        # libtiff would write to our standard error, for a damaged page a line for each row. What fails is told by T.30.
        with suppress(AttributeError):
            getattr(lib, name)(ffi.NULL)
    return Spandsp(ffi, lib)


def why_missing() -> str:
    """Why there is no fax here, and what to install; empty when there is."""
    try:
        spandsp()
    except MissingFaxLibraryError as error:
        return str(error)
    return ""
