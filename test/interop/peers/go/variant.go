package main

import (
	"context"
	"fmt"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
	"github.com/oiweiwei/go-msrpc/ndr"
)

// operation is a call whose last argument is a VARIANT. The stubs of go-msrpc 1.2.16 send such an argument without the unique
// pointer that [MS-OAUT] 2.2.29.2 makes of every VARIANT, so this one is written by hand with go-msrpc's NDR and types.
type operation struct {
	number  int
	this    *dcom.ORPCThis
	text    *oaut.String
	variant *oaut.Variant
	// Whether a VARIANT comes back, and which.
	returns bool
	result  *oaut.Variant
	that    dcom.ORPCThat
	status  int32
}

// variantCall calls a member by its opnum: an optional BSTR, then a VARIANT.
func (o Object) variantCall(number int, text *oaut.String, variant *oaut.Variant, returns bool) any {
	made := &operation{number: number, this: o.peer.this, text: text, variant: variant, returns: returns}
	conn := o.clients()[0].MethodByName("Conn").Call(nil)[0].Interface().(dcerpc.Conn)
	must(0, conn.Invoke(o.peer.ctx, made, dcom.WithIPID(o.ipid)))
	if made.status != 0 {
		must(0, fmt.Errorf("%s, opnum %d: 0x%08x", o.face, number, uint32(made.status)))
	}
	return plain(made.result)
}

func (o *operation) OpNum() int { return o.number }

func (o *operation) OpName() string { return fmt.Sprint("opnum ", o.number) }

func (o *operation) MarshalNDRRequest(ctx context.Context, w ndr.Writer) error {
	must(0, o.this.MarshalNDR(ctx, w))
	must(0, w.WriteDeferred())
	if o.text != nil {
		must(0, w.WritePointer(&o.text, ndr.MarshalNDRFunc(o.text.MarshalNDR)))
		must(0, w.WriteDeferred())
	}
	must(0, w.WritePointer(&o.variant, ndr.MarshalNDRFunc(o.variant.MarshalNDR)))
	return w.WriteDeferred()
}

func (o *operation) UnmarshalNDRResponse(ctx context.Context, w ndr.Reader) error {
	must(0, o.that.UnmarshalNDR(ctx, w))
	must(0, w.ReadDeferred())
	if o.returns {
		read := ndr.UnmarshalNDRFunc(func(ctx context.Context, w ndr.Reader) error {
			o.result = &oaut.Variant{}
			return o.result.UnmarshalNDR(ctx, w)
		})
		must(0, w.ReadPointer(&o.result, func(found interface{}) { o.result = *found.(**oaut.Variant) }, read))
		must(0, w.ReadDeferred())
	}
	return w.ReadData(&o.status)
}

func (o *operation) UnmarshalNDRRequest(context.Context, ndr.Reader) error {
	return fmt.Errorf("a server's side")
}

func (o *operation) MarshalNDRResponse(context.Context, ndr.Writer) error {
	return fmt.Errorf("a server's side")
}
