"""Fixes of what keeps Ryu 4.34 from running on Python 3.11 to 3.13 with today's libraries.

Raise ``LOCAL_VERSION`` with every change here: pip keeps an installed wheel of equal version.
"""

from __future__ import annotations

from tools.ryu_wheel.edits import Append, Edit, Prepend, Replace, ReplaceBlock

UPSTREAM_VERSION = "4.34"
LOCAL_VERSION = "horizon7"
VERSION = f"{UPSTREAM_VERSION}+{LOCAL_VERSION}"

SDIST_NAME = f"ryu-{UPSTREAM_VERSION}.tar.gz"
SDIST_SHA256 = "a31041eb53aee0c36ca428645ad2607163ca5e1390f5a3d6ef2025b7829ce93e"
WHEEL_NAME = f"ryu-{VERSION}-py3-none-any.whl"

REQUIREMENTS = ("packaging", "eventlet>=0.35.2", "six>=1.12")

_WSGI = "ryu/app/wsgi.py"
_MANAGER = "ryu/cmd/manager.py"
_APP_MANAGER = "ryu/base/app_manager.py"
_RPC = "ryu/lib/rpc.py"
_NET_CTRL = "ryu/services/protocols/bgp/net_ctrl.py"

_OLD_VERSION_CLASS = "from distutils.version import LooseVersion"
_NEW_VERSION_CLASS = "from packaging.version import Version as LooseVersion"

# Ryu's closure takes the context out of its arguments at the first connection, so that the second
# finds none. Built once, when the server is made, it also reports a bad certificate at start.
_TLS_SERVER = """\
                context = ssl_args.pop('ssl_ctx', None)
                if context is None:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(ssl_args.pop('certfile'),
                                        ssl_args.pop('keyfile', None))
                if 'ca_certs' in ssl_args:
                    context.load_verify_locations(ssl_args.pop('ca_certs'))
                if 'cert_reqs' in ssl_args:
                    context.verify_mode = ssl_args.pop('cert_reqs')
                ssl_args.setdefault('server_side', True)

                def wrap_and_handle(sock, addr):
                    handle(context.wrap_socket(sock, **ssl_args), addr)
"""

# A notice at every start about what its reader cannot change: Ryu is built on eventlet.
_QUIET_IMPORT = """\
    import warnings
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', r'\\s*Eventlet is deprecated')
        import eventlet
"""

# A start takes seconds, in which nobody is there yet who knows what signals mean: a hangup, which
# has files read again, ended it, and an interrupt told of whatever was imported just then.
_HOLD_SIGNALS = """\
import os
import signal
import sys


def _pass_over(signum, frame):
    # Other than a signal that is ignored, it ends the processes that this one starts.
    pass


_USUAL = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
_AT_START = {signal.SIGHUP: _pass_over, signal.SIGINT: signal.SIG_DFL}


def _put_signals(there, instead):
    for signum, handler in instead.items():
        if signal.getsignal(signum) is there[signum]:
            signal.signal(signum, handler)


_put_signals(_USUAL, _AT_START)


def _occupy_standard():
    # Where 0 to 2 are closed, what is said there would be written to the files that get them.
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= 2:
        os.set_inheritable(opened, True)
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)


_occupy_standard()

from ryu.lib import hub
"""

# A mistake of whoever starts it is one line that names the file or the module, and status 2.
_MAIN = """\
def main(args=None, prog=None):
    try:
        _main(args, prog)
    except cfg.oslo_config.cfg.Error as error:
        fault = str(error)
    except OSError as error:
        # With an errno and no file it is about a socket, a process: not the user's.
        if error.errno and not error.filename:
            raise
        fault = str(error)
    except UnicodeDecodeError as error:
        fault = _undecodable(error)
        if fault is None:
            raise
    except ModuleNotFoundError as error:
        if not any((app + '.').startswith('%s.' % error.name)
                   for app in CONF.app_lists + CONF.app):
            raise
        fault = 'there is no application %s' % error.name
    except SystemExit as end:
        # oslo.config has told of a wrong value in a file, and ends with 1.
        sys.exit(2 if end.code == 1 else end.code)
    else:
        return
    sys.stderr.write('ryu-manager: %s\\n' % ' '.join(fault.split()))
    sys.exit(2)


def _undecodable(error):
    '''Return where a configuration file is no text; None if the error is not about one.'''
    trace, path = error.__traceback__, None
    while trace is not None:
        reader = trace.tb_frame.f_locals.get('self')
        if isinstance(reader, cfg.oslo_config.cfg.ConfigParser):
            path = reader.filename
        trace = trace.tb_next
    if path is None:
        return None
    with open(path, 'rb') as file:
        read = file.read()
    try:
        read.decode(error.encoding)
    except UnicodeDecodeError as found:
        line = read.count(b'\\n', 0, found.start) + 1
        return '%s, line %d: byte 0x%02x, the %dth of the file, is not %s' % (
            path, line, read[found.start], found.start + 1, error.encoding.upper())
    return '%s is not %s' % (path, error.encoding.upper())


class _LogFault(object):
    '''Tells once why a log file is not written: logging would with a traceback a line.'''

    def __init__(self, handler):
        self._handler = handler
        self._told = None

    def __call__(self, record):
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            logging.Handler.handleError(self._handler, record)
        elif error.errno != self._told:
            self._told = error.errno
            told = (self._handler.baseFilename, error.strerror)
            sys.stderr.write('ryu-manager: %s: %s; lines of the log are lost\\n' % told)


def _init_log():
    try:
        log.init_log()
    except OSError as error:
        if error.filename:
            raise
        # Nobody listens where the system's log does: what was tried is not in the error.
        raise cfg.oslo_config.cfg.Error('use_syslog: /dev/log: %s' % error.strerror)
    except Exception as error:
        # Whatever a file says that is no logging configuration, or a mode that is no number.
        told = CONF.log_config_file or 'log_file_mode %s' % CONF.log_file_mode
        raise cfg.oslo_config.cfg.Error('%s: %s' % (told, error))
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = _LogFault(handler)


def _write_pid(path):
    try:
        with open(path, 'w') as file:
            file.write(str(os.getpid()))
    except OSError as error:
        # Of a full disk it is told when the file is closed, and not which one.
        raise cfg.oslo_config.cfg.Error('pid_file: %s: %s' % (path, error.strerror))


def _main(args, prog):
"""

_WRITE_PID = """\
        with open(CONF.pid_file, 'w') as pid_file:
            pid_file.write(str(os.getpid()))
"""

# A file that is not there was passed over, or given behind "=", and with it the options of
# applications.
_USER_FLAGS = """\
    if user_flags_file:
        if not os.path.isfile(user_flags_file):
            raise cfg.oslo_config.cfg.Error('user_flags: there is no file %s' % user_flags_file)
"""

# The modules are known by the frames alone; inspect.stack() looks for the sources of all of them.
_REQUIRE_APP = """\
    frame, callers = sys._getframe(1), []
    while frame is not None:
        if not frame.f_code.co_filename.startswith('<frozen '):
            callers.append(frame.f_globals)
        frame = frame.f_back
    caller = callers[1 if api_style else 0]  # skip a frame for "api" module
    caller.setdefault('_REQUIRED_APP', []).append(app_name)
    LOG.debug('require_app: %s is required by %s', app_name, caller.get('__name__'))
"""

# eventlet tells of locks that are older than the patch, which its reader cannot change.
_QUIET_PATCH = """\
        last_resort, logging.lastResort = logging.lastResort, logging.NullHandler()
        hub.patch(thread=True)
        logging.lastResort = last_resort
"""

FIXES: tuple[Edit, ...] = (
    # eventlet 0.31 replaced the marker by a thread-local flag; an empty body is right with it.
    Replace(_WSGI, "from eventlet.wsgi import ALREADY_HANDLED", "from eventlet import wsgi"),
    Replace(
        _WSGI,
        "_ALREADY_HANDLED = ALREADY_HANDLED",
        "_ALREADY_HANDLED = getattr(wsgi, 'ALREADY_HANDLED', [])",
    ),
    # tinyrpc 1.0 serializes to bytes, of which text_type makes "b'…'".
    Replace(_WSGI, "six.text_type(reply)", "six.ensure_text(reply)"),
    Replace(_WSGI, "six.text_type(message)", "six.ensure_text(message)"),
    # distutils left the standard library with Python 3.12 (PEP 632).
    Replace("ryu/flags.py", _OLD_VERSION_CLASS, _NEW_VERSION_CLASS),
    Replace("ryu/lib/packet/zebra.py", _OLD_VERSION_CLASS, _NEW_VERSION_CLASS),
    ReplaceBlock(
        "ryu/lib/hub.py",
        first="def wrap_and_handle(sock, addr):",
        last="handle(ssl.wrap_socket(sock, **ssl_args), addr)",
        sha256="21e792a94ebd839f64585c786c9379500fd60dd490c594b8bf6c4716c3d7287f",
        new=_TLS_SERVER,
    ),
    ReplaceBlock(
        "ryu/lib/hub.py",
        first="import eventlet",
        last="import eventlet",
        sha256="74d96162fa6d3f2c0ad264d9f0782e86bc4459c5af455ffd919884186abcca7b",
        new=_QUIET_IMPORT,
    ),
    Replace(_MANAGER, "import os\nimport sys\n\nfrom ryu.lib import hub\n", _HOLD_SIGNALS),
    # Applications that want signals have taken them by now.
    Replace(
        _MANAGER,
        "    webapp = wsgi.start_service(app_mgr)\n",
        "    _put_signals(_AT_START, _USUAL)\n\n    webapp = wsgi.start_service(app_mgr)\n",
    ),
    Replace(_MANAGER, "    log.init_log()\n", "    _init_log()\n"),
    Replace(_MANAGER, "def main(args=None, prog=None):\n", _MAIN),
    Replace(_MANAGER, "        hub.patch(thread=True)\n", _QUIET_PATCH),
    Replace(_MANAGER, _WRITE_PID, "        _write_pid(CONF.pid_file)\n"),
    Replace(
        _MANAGER,
        "        idx = list(sys.argv).index('--user-flags')\n",
        "        words = [word for given in sys.argv for word in given.split('=', 1)]\n",
    ),
    Replace(_MANAGER, "sys.argv[idx + 1]", "words[words.index('--user-flags') + 1]"),
    Replace(
        _MANAGER,
        "    if user_flags_file and os.path.isfile(user_flags_file):\n",
        _USER_FLAGS,
    ),
    ReplaceBlock(
        _APP_MANAGER,
        first="iterable = (inspect.getmodule(frame[0]) for frame in inspect.stack())",
        last="LOG.debug('require_app: %s is required by %s', app_name, m.__name__)",
        sha256="e7e129f2783a058c1558542504070fd135e603e79a926945b692218e47e9e6e9",
        new=_REQUIRE_APP,
    ),
    # Steps of every start, in another form than the log that is set up after them.
    Replace(_APP_MANAGER, "LOG.info('loading app", "LOG.debug('loading app"),
    Replace(_APP_MANAGER, "LOG.info('creating context", "LOG.debug('creating context"),
    # msgpack 1.0 has no "encoding"; these arguments keep what goes over the wire as it was.
    Replace(_RPC, "encoding='utf-8', use_bin_type=True", "use_bin_type=True"),
    Replace(_RPC, "Unpacker(encoding='utf-8')", "Unpacker(raw=False, strict_map_key=False)"),
    Replace(_NET_CTRL, "Packer(encoding='utf-8')", "Packer(use_bin_type=False)"),
    Replace(_NET_CTRL, "Unpacker(encoding='utf-8')", "Unpacker(raw=False, strict_map_key=False)"),
)

# Ryu's own build hook names the version; it is not used at run time.
PACKAGING: tuple[Edit, ...] = (
    Replace(
        "ryu/hooks.py",
        "from ryu import version",
        f"from ryu import version as upstream\n\nversion = upstream + '+{LOCAL_VERSION}'",
    ),
    Append("tools/pip-requires", REQUIREMENTS),
)

# Ryu's licence asks that every changed file says so (Apache-2.0, 4b).
NOTICES: tuple[Edit, ...] = tuple(
    Prepend(
        path, f"# Changed by Horizon, in its wheel of Ryu {VERSION}; see tools/ryu_wheel there."
    )
    for path in sorted({fix.path for fix in FIXES})
)
