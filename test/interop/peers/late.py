"""What late-bound clients on impacket share: VARIANTs, IDispatch by names, an object resolver that is not at port 135."""
from impacket.dcerpc.v5 import dcomrt, transport
from impacket.dcerpc.v5.dcom.oaut import (DISPATCH_METHOD, DISPATCH_PROPERTYGET, DISPATCH_PROPERTYPUT, DISPPARAMS, IDispatch, VARENUM, VARIANT)
from impacket.dcerpc.v5.dcomrt import INTERFACE
from impacket.dcerpc.v5.dtypes import NULL

DISPID_PROPERTYPUT = 0xfffffffd
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
    elif value is not None:
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
            # impacket reads DISPIDs as unsigned numbers, and sends those past 2^31 as 0.
            found = self.dispatch.GetIDsOfNames([name])[0]
            self.known[name] = found - (1 << 32) if found >= 1 << 31 else found
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
    mine = thing.dispatch
    return INTERFACE(mine.get_cinstance(), b''.join(data), mine.get_ipidRemUnknown(), target=mine.get_target())


def resolve_at(host, port):
    """impacket looks for object resolution and activation at port 135 only."""
    original = transport.DCERPCTransportFactory
    dcomrt.transport.DCERPCTransportFactory = lambda binding: original(f'{binding}[{port}]' if binding == f'ncacn_ip_tcp:{host}' else binding)
