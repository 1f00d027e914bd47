package main

import (
	"context"
	"net"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/iobjectexporter/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/iremotescmactivator/v0"
	oautclient "github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut/client"
	uamgclient "github.com/oiweiwei/go-msrpc/msrpc/dcom/uamg/client"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"
)

// Peer is a client of one agent: a connection for activation and pings, one for objects.
type Peer struct {
	ctx, activation   context.Context
	this              *dcom.ORPCThis
	exporter          iobjectexporter.ObjectExporterClient
	activator         iremotescmactivator.RemoteSCMActivatorClient
	resolver, objects dcerpc.Conn
	clients           uamgclient.Client
	oaut              oautclient.Client
	security          []dcerpc.Option
	// What the first activation gave: an IPID, and where its objects live.
	first    *dcom.IPID
	unknown  *dcom.IPID
	bindings *dcom.DualStringArray
}

func connect(ctx context.Context, host, port string, security []dcerpc.Option, class *dcom.ClassID, iid *dcom.IID) *Peer {
	security = append(security, dcerpc.WithTargetName("host/"+host))
	p := &Peer{activation: gssapi.NewSecurityContext(ctx), security: security}
	p.resolver = must(dcerpc.Dial(p.activation, net.JoinHostPort(host, port)))
	p.exporter = must(iobjectexporter.NewObjectExporterClient(p.activation, p.resolver, security...))
	p.this = &dcom.ORPCThis{Version: must(p.exporter.ServerAlive2(p.activation, &iobjectexporter.ServerAlive2Request{})).COMVersion}
	p.activator = must(iremotescmactivator.NewRemoteSCMActivatorClient(p.activation, p.resolver, security...))
	p.first = p.activate(class, iid)
	p.objects = must(dcerpc.Dial(ctx, host, p.bindings.EndpointsByProtocol("ncacn_ip_tcp")...))
	p.ctx = gssapi.NewSecurityContext(ctx)
	// One bind proposes every interface of [MS-UAMG].
	p.clients = must(uamgclient.NewClient(p.ctx, p.objects, security...))
	return p
}

func (p *Peer) close() {
	p.objects.Close(p.ctx)
	p.resolver.Close(p.activation)
}

// activate makes an object of a class; its IPID.
func (p *Peer) activate(class *dcom.ClassID, iid *dcom.IID) *dcom.IPID {
	properties := &dcom.ActivationProperties{
		DestinationContext: 2,
		Properties: []dcom.ActivationProperty{
			&dcom.InstantiationInfoData{ClassID: class, IID: []*dcom.IID{iid}, ClientCOMVersion: p.this.Version},
			&dcom.ActivationContextInfoData{},
			&dcom.LocationInfoData{},
			&dcom.SCMRequestInfoData{RemoteRequest: &dcom.CustomRemoteRequestSCMInfo{RequestedProtocolSequences: []uint16{7}}},
		},
	}
	in := must(properties.ActivationPropertiesIn())
	made := must(p.activator.RemoteCreateInstance(p.activation, &iremotescmactivator.RemoteCreateInstanceRequest{
		ORPCThis: &dcom.ORPCThis{Version: p.this.Version, Flags: 1}, ActPropertiesIn: in,
	}))
	out := &dcom.ActivationProperties{}
	must(0, out.Parse(made.ActPropertiesOut))
	reply := out.SCMReplyInfoData().RemoteReply
	p.unknown, p.bindings = reply.IPIDRemoteUnknown, reply.OXIDBindings
	return out.PropertiesOutInfo().InterfaceData[0].IPID()
}

func (p *Peer) ping() {
	set := must(p.exporter.ComplexPing(p.activation, &iobjectexporter.ComplexPingRequest{SequenceNum: 1})).SetID
	must(p.exporter.SimplePing(p.activation, &iobjectexporter.SimplePingRequest{SetID: set}))
}
