package main

import (
	oautclient "github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut/client"

	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut/idispatch/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut/ienumvariant/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut/itypeinfo/v0"
)

// automation is the client of the interfaces of [MS-OAUT], bound when it is needed first.
func (p *Peer) automation() oautclient.Client {
	if p.oaut == nil {
		p.oaut = must(oautclient.NewClient(p.ctx, p.objects, p.security...))
	}
	return p.oaut
}

// types reads what the object says of its members: as PowerShell does before it calls them.
func (o Object) types() []any {
	p := o.peer
	dispatch := o.query("Dispatch", idispatch.DispatchIID)
	found := must(p.automation().Dispatch().GetTypeInfo(p.ctx, &idispatch.GetTypeInfoRequest{This: p.this, LocaleID: 0x409}, dcom.WithIPID(dispatch.ipid)))
	info := dcom.WithIPID(found.TypeInfo.InterfacePointer().IPID())
	reader := p.automation().TypeInfo()
	count := must(reader.GetTypeAttribute(p.ctx, &itypeinfo.GetTypeAttributeRequest{This: p.this}, info)).TypeAttribute.FuncsCount
	members := []any{}
	for index := range count {
		function := must(reader.GetFuncDesc(p.ctx, &itypeinfo.GetFuncDescRequest{This: p.this, Index: uint32(index)}, info)).FuncDesc
		names := []string{}
		for _, name := range must(reader.GetNames(p.ctx, &itypeinfo.GetNamesRequest{This: p.this, MemberID: function.MemberID, MaxNamesCount: 8}, info)).Names {
			names = append(names, name.Data)
		}
		members = append(members, map[string]any{"id": function.MemberID, "kind": function.InvokeKind, "slot": function.VFT / 8, "names": names})
	}
	return members
}

// each walks the enumerator of a collection, two elements at a time.
func (o Object) each() []any {
	p := o.peer
	// What is declared as IUnknown comes as that.
	enumerator := o.do("Get_NewEnum", nil).query("EnumVariant", ienumvariant.EnumVariantIID)
	items := []any{}
	for {
		// Fewer elements than were asked for come with S_FALSE, which go-msrpc tells as an error.
		answer, err := p.automation().EnumVariant().Next(p.ctx, &ienumvariant.NextRequest{This: p.this, Count: 2}, dcom.WithIPID(enumerator.ipid))
		for _, item := range answer.Var {
			items = append(items, plain(item))
		}
		if err != nil {
			return items
		}
	}
}
