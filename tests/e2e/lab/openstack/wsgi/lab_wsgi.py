"""The WSGI entry point for gunicorn: sets up sys.argv and paths for $OSLAB_APP, loads the genuine API, logs its requests."""
import os
import sys

from request_log import RequestLog

ETC = os.environ['OSLAB_ETC']
_which = os.environ['OSLAB_APP']

if _which == 'keystone':
    sys.argv = ['keystone-api']
    os.environ['OS_KEYSTONE_CONFIG_FILES'] = f'{ETC}/keystone/keystone.conf'
    from keystone.wsgi.api import application
elif _which == 'octavia':
    sys.argv = ['octavia-api', '--config-file', f'{ETC}/octavia/octavia.conf']
    if os.environ['LAB_PROVIDER'] == 'ovn':
        import ovn_provider
        ovn_provider.use_sockets_of_lab()
        ovn_provider.log_threads()
    from octavia.api.app import setup_app       # what octavia.wsgi calls, which older releases lack
    application = setup_app(argv=sys.argv)
elif _which == 'neutron':
    sys.argv = ['neutron-api']
    os.environ['OS_NEUTRON_CONFIG_DIR'] = f'{ETC}/neutron'
    os.environ['OS_NEUTRON_CONFIG_FILES'] = 'neutron.conf;ml2_conf.ini'
    os.environ['ASGI_WORKERS'] = '1'        # the ML2 driver ovn counts the workers of this process; it knows no gunicorn
    from neutron.plugins.ml2 import ovo_rpc
    from neutron.wsgi.api import application
    # Neutron would notify agents of every change, after another read of the object. The lab has no agents.
    ovo_rpc._ObjectChangeHandler.dispatch_event = lambda *_: None
elif _which == 'barbican':
    sys.argv = ['barbican-api']
    from paste.deploy import loadapp
    application = loadapp(f'config:{ETC}/barbican/barbican-api-paste.ini')
else:
    raise RuntimeError(_which)

application = RequestLog(application, f"{os.environ['OSLAB_LOG']}/requests-{_which}.jsonl")
