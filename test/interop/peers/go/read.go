package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/iremunknown/v0"
	"github.com/oiweiwei/go-msrpc/msrpc/dcom/oaut"
)

// Object is an interface of an object of the agent, named as the generated clients are.
type Object struct {
	peer *Peer
	face string
	ipid *dcom.IPID
}

// Fields are those of a generated request, but for This.
type Fields map[string]any

// read gives every property by name, items of a collection under "items"; objects in them are read down to a depth.
func (o Object) read(depth int) map[string]any {
	all := map[string]any{}
	for _, client := range o.clients() {
		for at := 0; at < client.NumMethod(); at++ {
			member := client.Type().Method(at).Name
			// An accessor takes a context, a request of its own with nothing but This, and options.
			if property, ok := strings.CutPrefix(member, "Get"); ok && client.Method(at).Type().NumIn() == 3 && client.Method(at).Type().In(1).Elem().NumField() == 1 {
				all[property] = o.value(must(o.call(member, nil)), depth)
			}
		}
	}
	if count, ok := all["Count"].(int64); ok {
		items := []any{}
		for index := int64(0); index < count && index < 64; index++ {
			items = append(items, o.value(must(o.call("GetItem", Fields{"Index": index})), depth))
		}
		all["items"] = items
	}
	return all
}

// do calls a member; the object it returns, if it returns one.
func (o Object) do(member string, fields Fields) Object {
	result := must(o.call(member, fields))
	if found := pointer(result); found != nil {
		return Object{o.peer, reflect.TypeOf(result).Elem().Name(), found.IPID()}
	}
	return Object{}
}

func (o Object) get(member string, fields Fields) any {
	return plain(must(o.call(member, fields)))
}

// fails calls a member that is to fail; what it says.
func (o Object) fails(member string, fields Fields) string {
	_, err := o.call(member, fields)
	return fmt.Sprint(err)
}

// query asks the object for another of its interfaces.
func (o Object) query(face string, iid *dcom.IID) Object {
	p := o.peer
	found := must(p.clients.RemoteUnknown().RemoteQueryInterface(p.ctx, &iremunknown.RemoteQueryInterfaceRequest{
		This: p.this, IPID: o.ipid.GUID(), ReferencesCount: 5, IIDs: []*dcom.IID{iid},
	}, dcom.WithIPID(p.unknown)))
	return Object{p, face, found.QueryInterfaceResults[0].Std.IPID}
}

func (o Object) release() {
	p := o.peer
	must(p.clients.RemoteUnknown().RemoteRelease(p.ctx, &iremunknown.RemoteReleaseRequest{
		This: p.this, InterfaceReferences: []*dcom.RemoteInterfaceReference{{IPID: o.ipid, PublicReferencesCount: 5}},
	}, dcom.WithIPID(p.unknown)))
}

// clients are the generated client of the interface and those of its bases, which it gives by methods of their names.
func (o Object) clients() []reflect.Value {
	chain := []reflect.Value{}
	at := reflect.ValueOf(o.peer.clients).MethodByName(o.face).Call(nil)[0]
	for at.IsValid() {
		chain = append(chain, at)
		at = base(at)
	}
	return chain
}

func base(client reflect.Value) reflect.Value {
	for at := 0; at < client.NumMethod(); at++ {
		method, name := client.Method(at), client.Type().Method(at).Name
		if kind := method.Type(); name != "Dispatch" && kind.NumIn() == 0 && kind.NumOut() == 1 && kind.Out(0).Name() == name+"Client" {
			return method.Call(nil)[0]
		}
	}
	return reflect.Value{}
}

// call calls a member through the generated client that has it; its ReturnValue, nil where it has none.
func (o Object) call(member string, fields Fields) (any, error) {
	for _, client := range o.clients() {
		method := client.MethodByName(member)
		if !method.IsValid() {
			continue
		}
		request := reflect.New(method.Type().In(1).Elem())
		request.Elem().FieldByName("This").Set(reflect.ValueOf(o.peer.this))
		for field, value := range fields {
			slot := request.Elem().FieldByName(field)
			slot.Set(reflect.ValueOf(value).Convert(slot.Type()))
		}
		answer := method.Call([]reflect.Value{reflect.ValueOf(o.peer.ctx), request, reflect.ValueOf(dcerpc.CallOption(dcom.WithIPID(o.ipid)))})
		if !answer[1].IsNil() {
			return nil, fmt.Errorf("%s.%s: %w", o.face, member, answer[1].Interface().(error))
		}
		if result := answer[0].Elem().FieldByName("ReturnValue"); result.IsValid() {
			return result.Interface(), nil
		}
		return nil, nil
	}
	return nil, fmt.Errorf("%s has no %s", o.face, member)
}

// value is a result as JSON has it; objects are read while depth lasts.
func (o Object) value(result any, depth int) any {
	found := pointer(result)
	if found == nil {
		return plain(result)
	}
	face := reflect.TypeOf(result).Elem().Name()
	if depth == 0 || face == "Unknown" {
		return "(" + face + ")"
	}
	return Object{o.peer, face, found.IPID()}.read(depth - 1)
}

// pointer is the interface pointer in a result; nil where it is no object or none is there.
func pointer(result any) *dcom.InterfacePointer {
	object, ok := result.(interface {
		InterfacePointer() *dcom.InterfacePointer
	})
	if !ok || reflect.ValueOf(result).IsNil() {
		return nil
	}
	if made := object.InterfacePointer(); made != nil && len(made.Data) > 0 {
		return made
	}
	return nil
}

// plain is a result without its wrapping: the text of a BSTR, the number of a DECIMAL, the value of a VARIANT, enumerations as numbers.
func plain(result any) any {
	switch held := result.(type) {
	case *oaut.String:
		if held == nil {
			return nil
		}
		return held.Data
	case *oaut.Decimal:
		return held.Lo64
	case *oaut.Variant:
		if held == nil || held.VarUnion == nil {
			return nil
		}
		return plain(held.VarUnion.GetValue())
	}
	switch value := reflect.ValueOf(result); {
	case !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil():
		return nil
	case value.CanInt():
		return value.Int()
	case value.CanUint():
		return int64(value.Uint())
	}
	return result
}
