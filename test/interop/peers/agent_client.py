"""A late-bound update client on impacket: the sequence that real third-party clients send, printed as one JSON object.

Usage: agent_client.py HOST PORT USER PASSWORD LEVEL [ping] [remote]   (LEVEL: integrity or privacy; ping: now, not in two minutes;
remote: activates through IActivation::RemoteActivation)
"""
import json
import sys

from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dcom.oaut import (DISPATCH_METHOD, DISPATCH_PROPERTYGET, DISPATCH_PROPERTYPUT, DISPPARAMS, IDispatch, IID_IDispatch, VARENUM, VARIANT)
from impacket.dcerpc.v5.dcomrt import DCOMConnection, IActivation
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY
from impacket.uuid import string_to_bin

DISPID_PROPERTYPUT = 0xfffffffd
CLSID = string_to_bin('4CB43D7F-7EEE-4906-8698-60DA1C38F2FE')
LCID = 0x403


def variant(kind, value):
    made = VARIANT(None, False)
    made['clSize'] = 5
    made['vt'] = kind
    made['_varUnion']['tag'] = kind
    if kind == VARENUM.VT_BSTR:
        made['_varUnion']['bstrVal']['asData'] = value
    elif kind == VARENUM.VT_BOOL:
        made['_varUnion']['boolVal'] = value
    else:
        made['_varUnion']['lVal'] = value
    return made


def parameters(arguments, named=False):
    made = DISPPARAMS(None, False)
    if not arguments:
        made['rgvarg'] = NULL
    for argument in reversed(arguments):
        made['rgvarg'].append(argument)
    if named:
        made['rgdispidNamedArgs'].append(DISPID_PROPERTYPUT)
    else:
        made['rgdispidNamedArgs'] = NULL
    made['cArgs'] = len(arguments)
    made['cNamedArgs'] = 1 if named else 0
    return made


class Thing:
    def __init__(self, dispatch):
        self.dispatch = dispatch
        self.known = {}

    def id(self, name):
        if name not in self.known:
            self.known[name] = self.dispatch.GetIDsOfNames([name])[0]
        return self.known[name]

    def invoke(self, name, flags, arguments=(), named=False):
        answer = self.dispatch.Invoke(self.id(name), LCID, flags, parameters(list(arguments), named), 0, [], [])
        return answer['pVarResult']

    def get(self, name, *arguments):
        return value(self, self.invoke(name, DISPATCH_PROPERTYGET, arguments))

    def put(self, name, argument):
        self.invoke(name, DISPATCH_PROPERTYPUT, [argument], True)

    def call(self, name, *arguments):
        return value(self, self.invoke(name, DISPATCH_METHOD, arguments))


def value(thing, result):
    kind = result['vt']
    union = result['_varUnion']
    if kind == VARENUM.VT_DISPATCH:
        return Thing(IDispatch(thing_of(thing, union['pdispVal']['abData'])))
    if kind == VARENUM.VT_BSTR:
        try:
            return union['bstrVal']['asData']
        except (KeyError, TypeError):
            return None
    if kind == VARENUM.VT_BOOL:
        return union['boolVal'] != 0
    if kind == VARENUM.VT_I4:
        return union['lVal']
    if kind == VARENUM.VT_DATE:
        return union['date']
    return None


def thing_of(thing, data):
    from impacket.dcerpc.v5.dcomrt import INTERFACE
    mine = thing.dispatch
    return INTERFACE(mine.get_cinstance(), b''.join(data), mine.get_ipidRemUnknown(), target=mine.get_target())


def resolve_at(host, port):
    """impacket looks for object resolution and activation at port 135 only."""
    original = transport.DCERPCTransportFactory
    dcomrt.transport.DCERPCTransportFactory = lambda binding: original(f'{binding}[{port}]' if binding == f'ncacn_ip_tcp:{host}' else binding)


def main():
    host, port, user, password, level = sys.argv[1:6]
    resolve_at(host, port)
    levels = {'integrity': RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, 'privacy': RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
    dcom = DCOMConnection(host, user, password, 'CONTOSO', authLevel=levels[level], oxidResolver=True)
    try:
        if 'remote' in sys.argv[6:]:
            made = IActivation(dcom.get_dce_rpc()).RemoteActivation(CLSID, IID_IDispatch)
        else:
            made = dcom.CoCreateInstanceEx(CLSID, IID_IDispatch)
        session = Thing(IDispatch(made))
        searcher = session.call('CreateUpdateSearcher')
        searcher.put('Online', variant(VARENUM.VT_BOOL, 0xffff))
        online = searcher.get('Online')
        searcher.put('ServerSelection', variant(VARENUM.VT_I4, 2))
        selection = searcher.get('ServerSelection')
        searcher.put('CanAutomaticallyUpgradeService', variant(VARENUM.VT_BOOL, 0))
        upgrade = searcher.get('CanAutomaticallyUpgradeService')
        result = searcher.call('Search', variant(VARENUM.VT_BSTR, 'IsInstalled=0'))
        code = result.get('ResultCode')
        found = result.get('Updates')
        count = found.get('Count')
        updates = []
        for index in range(min(count, 4)):
            update = found.get('Item', variant(VARENUM.VT_I4, index))
            categories = update.get('Categories')
            kb = update.get('KBArticleIDs')
            bulletins = update.get('SecurityBulletinIDs')
            updates.append({
                'title': update.get('Title'), 'severity': update.get('MsrcSeverity'), 'type': update.get('Type'), 'changed': update.get('LastDeploymentChangeTime'),
                'categories': [categories.get('Item', variant(VARENUM.VT_I4, i)).get('Name') for i in range(categories.get('Count'))],
                'kb': [kb.get('Item', variant(VARENUM.VT_I4, i)) for i in range(kb.get('Count'))],
                'bulletins': [bulletins.get('Item', variant(VARENUM.VT_I4, i)) for i in range(bulletins.get('Count'))],
            })
        if 'ping' in sys.argv[6:]:
            # The first makes a ping set, the next names it.
            for _ in range(2):
                DCOMConnection.PINGTIMER.cancel()
                DCOMConnection.pingServer()
        print(json.dumps({'online': online, 'selection': selection, 'upgrade': upgrade, 'code': code, 'count': count, 'updates': updates}))
    finally:
        dcom.disconnect()


main()
