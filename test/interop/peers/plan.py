"""A late-bound walk through an agent on impacket: a plan on standard input, what every step came to as one JSON list.

Usage: plan.py HOST PORT USER PASSWORD
"""
import json
import sys

from impacket.dcerpc.v5.dcom.oaut import (DISPATCH_METHOD, DISPATCH_PROPERTYGET, DISPATCH_PROPERTYPUT, IDispatch, IID_IDispatch, VARENUM)
from impacket.dcerpc.v5.dcomrt import DCOMConnection
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
from impacket.uuid import string_to_bin

from late import Thing, resolve_at, thing_of, variant

KINDS = {'method': DISPATCH_METHOD, 'propget': DISPATCH_PROPERTYGET, 'propput': DISPATCH_PROPERTYPUT}
TYPES = {'text': VARENUM.VT_BSTR, 'number': VARENUM.VT_I4, 'flag': VARENUM.VT_BOOL}


def argument(told, objects):
    kind, value = told['type'], told['value']
    if kind == 'variant':
        kind = 'text' if value['vt'] == 'VT_BSTR' else 'flag'
        value = value['value']
    if kind == 'object':
        made = variant(VARENUM.VT_DISPATCH, None)
        made['_varUnion']['pdispVal']['ulCntData'] = len(objects[value].marshaled)
        made['_varUnion']['pdispVal']['abData'] = list(objects[value].marshaled)
        return made
    if kind == 'flag':
        value = 0xffff if value else 0
    return variant(TYPES[kind], value)


def result(thing, told, step, objects):
    """A VARIANT as its type and value; an object is kept under its name."""
    kind, union = told['vt'], told['_varUnion']
    plain = {VARENUM.VT_I4: 'lVal', VARENUM.VT_UI4: 'ulVal', VARENUM.VT_DATE: 'date', VARENUM.VT_BOOL: 'boolVal'}
    if kind in (VARENUM.VT_DISPATCH, VARENUM.VT_UNKNOWN):
        pointer = union['pdispVal' if kind == VARENUM.VT_DISPATCH else 'punkVal']
        # A null pointer comes as empty bytes.
        if isinstance(pointer, bytes):
            return {'vt': kind, 'value': None}
        if kind == VARENUM.VT_DISPATCH and step.get('as'):
            made = Thing(IDispatch(thing_of(thing, union['pdispVal']['abData'])))
            made.marshaled = union['pdispVal']['abData']
            objects[step['as']] = made
        return {'vt': kind, 'value': 'object'}
    if kind == VARENUM.VT_BSTR:
        try:
            return {'vt': kind, 'value': union['bstrVal']['asData']}
        except (KeyError, TypeError):
            return {'vt': kind, 'value': None}
    if kind == VARENUM.VT_DECIMAL:
        decimal = union['decVal']
        return {'vt': kind, 'value': str(decimal['Hi32'] << 64 | decimal['Lo64'])}
    if kind == VARENUM.VT_ARRAY | VARENUM.VT_UI1:
        array = union['parray']['uArrayStructs']['ByteStr']['pData']
        return {'vt': kind, 'value': [one if isinstance(one, int) else one[0] for one in array]}
    return {'vt': kind, 'value': union[plain[kind]] if kind in plain else None}


def main():
    host, port, user, password = sys.argv[1:5]
    resolve_at(host, port)
    plan = json.load(sys.stdin)
    objects, outcomes, connections = {}, [], []
    try:
        for step in plan['steps']:
            if step['on'] not in objects and step['on'] not in plan['activate']:
                outcomes.append({'error': 'was never made'})
                continue
            if step['on'] not in objects:
                clsid = string_to_bin(plan['activate'][step['on']]['clsid'])
                # impacket binds its activator's connection anew for each activation: each has one of its own.
                dcom = DCOMConnection(host, user, password, 'CONTOSO', authLevel=RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, oxidResolver=True)
                connections.append(dcom)
                objects[step['on']] = Thing(IDispatch(dcom.CoCreateInstanceEx(clsid, IID_IDispatch)))
            thing = objects[step['on']]
            arguments = [argument(one, objects) for one in step['args']]
            try:
                told = thing.invoke(step['member'], KINDS[step['kind']], arguments, step['kind'] == 'propput')
                outcomes.append(result(thing, told, step, objects))
            except Exception as error:
                outcomes.append({'error': str(error) or repr(error)})
        print(json.dumps(outcomes))
    finally:
        # One list of connections is kept for all: the last one closes them.
        for dcom in connections[-1:]:
            dcom.disconnect()


main()
