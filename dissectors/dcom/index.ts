import {
  conformant, errorStatus, guid, hex64, hresult, i32, inout, input, itf, named, output, u16, u32, unique, wstring,
} from '../../src/ndr/describe.js';
import type { Specification } from '../../src/ndr/types.js';
import { dcomInterface, method, notOnWire, rpcInterface } from '../table.js';
import { dcomRules } from './rules.js';
import { dcomTypes, dualString, mInterfacePointer } from './types.js';

export { activationAlternates, activationHeader, activationProperties } from './types.js';

const SPEC = 'MS-DCOM';
const orpcthis = input('orpcthis', named('ORPCTHIS'));
const orpcthat = output('orpcthat', named('ORPCTHAT'));
const protseqs = conformant(u16, 'cRequestedProtseqs');
const interfaceRefs = conformant(named('REMINTERFACEREF'), 'cInterfaceRefs');

/** [MS-DCOM]: the object resolver, activation, and what every object exporter serves. */
export const dcom: Specification = {
  name: SPEC,
  title: 'Distributed Component Object Model (DCOM) Remote Protocol',
  types: dcomTypes,
  rules: dcomRules,
  errors: [],
  classes: [
    { clsid: '00000338-0000-0000-c000-000000000046', name: 'ActivationPropertiesIn', spec: SPEC, section: '1.9', interface: null },
    { clsid: '00000339-0000-0000-c000-000000000046', name: 'ActivationPropertiesOut', spec: SPEC, section: '1.9', interface: null },
    { clsid: '0000033b-0000-0000-c000-000000000046', name: 'ContextMarshaler', spec: SPEC, section: '1.9', interface: null },
    { clsid: '0000031b-0000-0000-c000-000000000046', name: 'ErrorObject', spec: SPEC, section: '1.9', interface: null },
    { clsid: '0000031c-0000-0000-c000-000000000046', name: 'ErrorExtension', spec: SPEC, section: '1.9', interface: null },
    { clsid: '00000334-0000-0000-c000-000000000046', name: 'ContextExtension', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001a4-0000-0000-c000-000000000046', name: 'ServerLocationInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001a5-0000-0000-c000-000000000046', name: 'ActivationContextInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001a6-0000-0000-c000-000000000046', name: 'SecurityInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001aa-0000-0000-c000-000000000046', name: 'ScmRequestInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001ab-0000-0000-c000-000000000046', name: 'InstantiationInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001ad-0000-0000-c000-000000000046', name: 'InstanceInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001b6-0000-0000-c000-000000000046', name: 'ScmReplyInfo', spec: SPEC, section: '1.9', interface: null },
    { clsid: '000001b9-0000-0000-c000-000000000046', name: 'SpecialSystemProperties', spec: SPEC, section: '1.9', interface: null },
  ],
  roles: {
    'IObjectExporter::ResolveOxid': 'resolve-oxid', 'IObjectExporter::ResolveOxid2': 'resolve-oxid', 'IObjectExporter::SimplePing': 'ping', 'IObjectExporter::ComplexPing': 'complex-ping',
    'IActivation::RemoteActivation': 'activate', 'IRemoteSCMActivator::RemoteCreateInstance': 'activate', 'IRemoteSCMActivator::RemoteGetClassObject': 'get-class-object',
    'IClassFactory::CreateInstance': 'create-instance', 'IRemUnknown::RemQueryInterface': 'query-interface', 'IRemUnknown2::RemQueryInterface2': 'query-interface2',
    'IRemUnknown::RemAddRef': 'add-ref', 'IRemUnknown::RemRelease': 'release',
  },
  infrastructure: ['IRemUnknown2', 'IClassFactory'],
  interfaces: [
    rpcInterface(SPEC, 'IObjectExporter', '99fcfec4-5260-101b-bbcb-00aa0021347a', '0.0', '3.1.2.5.1', [
      method(0, 'ResolveOxid', '3.1.2.5.1.1', [
        input('pOxid', hex64), input('cRequestedProtseqs', u16), input('arRequestedProtseqs', protseqs),
        output('ppdsaOxidBindings', unique(dualString)), output('pipidRemUnknown', guid), output('pAuthnHint', u32),
      ], errorStatus),
      method(1, 'SimplePing', '3.1.2.5.1.2', [input('pSetId', hex64)], errorStatus),
      method(2, 'ComplexPing', '3.1.2.5.1.3', [
        inout('pSetId', hex64), input('SequenceNum', u16), input('cAddToSet', u16), input('cDelFromSet', u16), input('AddToSet', unique(conformant(hex64, 'cAddToSet'))),
        input('DelFromSet', unique(conformant(hex64, 'cDelFromSet'))), output('pPingBackoffFactor', u16),
      ], errorStatus),
      method(3, 'ServerAlive', '3.1.2.5.1.4', [], errorStatus),
      method(4, 'ResolveOxid2', '3.1.2.5.1.5', [
        input('pOxid', hex64), input('cRequestedProtseqs', u16), input('arRequestedProtseqs', protseqs),
        output('ppdsaOxidBindings', unique(dualString)), output('pipidRemUnknown', guid), output('pAuthnHint', u32), output('pComVersion', named('COMVERSION')),
      ], errorStatus),
      method(5, 'ServerAlive2', '3.1.2.5.1.6', [output('pComVersion', named('COMVERSION')), output('ppdsaOrBindings', unique(dualString)), output('pReserved', u32)], errorStatus),
    ]),
    rpcInterface(SPEC, 'IActivation', '4d9f4ab8-7d1c-11cf-861e-0020af6e7c57', '0.0', '3.1.2.5.2.1', [
      method(0, 'RemoteActivation', '3.1.2.5.2.3.1', [
        orpcthis, orpcthat, input('Clsid', guid), input('pwszObjectName', unique(wstring)), input('pObjectStorage', mInterfacePointer), input('ClientImpLevel', u32), input('Mode', u32),
        input('Interfaces', u32), input('pIIDs', unique(conformant(guid, 'Interfaces'))), input('cRequestedProtseqs', u16), input('aRequestedProtseqs', protseqs),
        output('pOxid', hex64), output('ppdsaOxidBindings', unique(dualString)), output('pipidRemUnknown', guid), output('pAuthnHint', u32), output('pServerVersion', named('COMVERSION')),
        output('phr', hresult), output('ppInterfaceData', conformant(mInterfacePointer, 'Interfaces')), output('pResults', conformant(hresult, 'Interfaces')),
      ], errorStatus),
    ]),
    rpcInterface(SPEC, 'IRemoteSCMActivator', '000001a0-0000-0000-c000-000000000046', '0.0', '3.1.2.5.2.2', [
      notOnWire(0, 'Opnum0NotUsedOnWire'), notOnWire(1, 'Opnum1NotUsedOnWire'), notOnWire(2, 'Opnum2NotUsedOnWire'),
      method(3, 'RemoteGetClassObject', '3.1.2.5.2.3.2', [orpcthis, orpcthat, input('pActProperties', mInterfacePointer), output('ppActProperties', mInterfacePointer)], hresult),
      method(4, 'RemoteCreateInstance', '3.1.2.5.2.3.3', [
        orpcthis, orpcthat, input('pUnkOuter', mInterfacePointer), input('pActProperties', mInterfacePointer), output('ppActProperties', mInterfacePointer),
      ], hresult),
    ]),
    dcomInterface(SPEC, 'IUnknown', '00000000-0000-0000-c000-000000000046', null, '3.1.1.5.8', [notOnWire(0, 'QueryInterface'), notOnWire(1, 'AddRef'), notOnWire(2, 'Release')]),
    dcomInterface(SPEC, 'IRemUnknown', '00000131-0000-0000-c000-000000000046', 'IUnknown', '3.1.1.5.6', [
      method(3, 'RemQueryInterface', '3.1.1.5.6.1.1', [
        input('ripid', guid), input('cRefs', u32), input('cIids', u16), input('iids', conformant(guid, 'cIids')), output('ppQIResults', unique(conformant(named('REMQIRESULT'), 'cIids'))),
      ], hresult),
      method(4, 'RemAddRef', '3.1.1.5.6.1.2', [input('cInterfaceRefs', u16), input('InterfaceRefs', interfaceRefs), output('pResults', conformant(hresult, 'cInterfaceRefs'))], hresult),
      method(5, 'RemRelease', '3.1.1.5.6.1.3', [input('cInterfaceRefs', u16), input('InterfaceRefs', interfaceRefs)], hresult),
    ]),
    dcomInterface(SPEC, 'IRemUnknown2', '00000143-0000-0000-c000-000000000046', 'IRemUnknown', '3.1.1.5.7', [
      method(6, 'RemQueryInterface2', '3.1.1.5.7.1.1', [
        input('ripid', guid), input('cIids', u16), input('iids', conformant(guid, 'cIids')), output('phr', conformant(hresult, 'cIids')), output('ppMIF', conformant(mInterfacePointer, 'cIids')),
      ], hresult),
    ]),
    // Local: their IIDs stand in the OBJREFs of activation and of contexts.
    dcomInterface(SPEC, 'IActivationPropertiesIn', '000001a2-0000-0000-c000-000000000046', 'IUnknown', '1.9', []),
    dcomInterface(SPEC, 'IActivationPropertiesOut', '000001a3-0000-0000-c000-000000000046', 'IUnknown', '1.9', []),
    dcomInterface(SPEC, 'IContext', '000001c0-0000-0000-c000-000000000046', 'IUnknown', '1.9', []),
    // What is on the wire is the [call_as] form of the SDK: no outer unknown, and the IID says what comes back.
    dcomInterface('SDK', 'IClassFactory', '00000001-0000-0000-c000-000000000046', 'IUnknown', null, [
      method(3, 'CreateInstance', null, [input('riid', guid), output('ppvObject', itf(null, 'riid'))], hresult),
      method(4, 'LockServer', null, [input('fLock', i32)], hresult),
    ]),
  ],
};
