package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_metadata/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	inputv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

const (
	anyKey         = "@type"
	typePrefix     = "type.googleapis.com/"
	typedStruct    = "xds.type.v3.TypedStruct"
	oldTypedStruct = "udpa.type.v1.TypedStruct"
)

// known are the extensions that rules look into. All others keep their JSON and their type URL:
// what else happens to be linked into the program makes no difference.
var known = sync.OnceValue(func() *protoregistry.Types { //nolint:gochecknoglobals // a constant that is made on first use
	types := new(protoregistry.Types)
	for _, m := range []proto.Message{
		&xdstypev3.TypedStruct{}, &hcmv3.HttpConnectionManager{}, &routev3.FilterConfig{}, &httpv3.HttpProtocolOptions{},
		&extprocv3.ExternalProcessor{}, &extprocv3.ExtProcPerRoute{},
		&compositev3.Composite{}, &compositev3.CompositePerRoute{}, &compositev3.ExecuteFilterAction{},
		&matchingv3.ExtensionWithMatcher{}, &skipv3.SkipFilter{}, &inputv3.HttpRequestHeaderMatchInput{}, &inputv3.HttpResponseHeaderMatchInput{},
		&mutationv3.HeaderMutation{}, &mutationv3.HeaderMutationPerRoute{}, &earlyv3.HeaderMutation{}, &celv3.Cel{},
		&metadatav3.Config{}, &corsv3.Cors{}, &corsv3.CorsPolicy{}, &jwtv3.JwtAuthentication{},
	} {
		// It fails for a type that is there already; this list has none twice.
		_ = types.RegisterMessage(m.ProtoReflect().Type())
	}
	return types
})

// decode reads the JSON of one resource into m. What m's schema does not have is left out.
func decode(raw json.RawMessage, m proto.Message) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return err
	}
	if fields, ok := tree.(map[string]any); ok {
		delete(fields, anyKey)
	}
	clean, err := json.Marshal(lenient(tree))
	if err != nil {
		return err
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true, Resolver: known()}).Unmarshal(clean, m); err != nil {
		return fmt.Errorf("decoding %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// lenient replaces each packed message of unknown type by a TypedStruct with its type URL, and
// each TypedStruct of known type by the message.
func lenient(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = lenient(v[i])
		}
	case map[string]any:
		url, packed := v[anyKey].(string)
		if packed {
			return unpackedAny(nameOf(url), url, v)
		}
		for key := range v {
			v[key] = lenient(v[key])
		}
	}
	return v
}

func unpackedAny(name, url string, fields map[string]any) any {
	if name == typedStruct || name == oldTypedStruct {
		inner, _ := firstOf(fields, "type_url", "typeUrl").(string)
		value, _ := fields["value"].(map[string]any)
		if !isKnown(nameOf(inner)) || nameOf(inner) == typedStruct {
			return map[string]any{anyKey: typePrefix + typedStruct, "type_url": inner, "value": value}
		}
		fields = map[string]any{}
		for key := range value {
			fields[key] = value[key]
		}
		fields[anyKey] = typePrefix + nameOf(inner)
		name = nameOf(inner)
	}
	delete(fields, anyKey)
	if !isKnown(name) {
		return map[string]any{anyKey: typePrefix + typedStruct, "type_url": url, "value": fields}
	}
	for key := range fields {
		fields[key] = lenient(fields[key])
	}
	fields[anyKey] = typePrefix + name
	return fields
}

func firstOf(fields map[string]any, names ...string) any {
	for _, name := range names {
		if v, ok := fields[name]; ok {
			return v
		}
	}
	return nil
}

func isKnown(name string) bool {
	_, err := known().FindMessageByURL(typePrefix + name)
	return err == nil
}

// nameOf is the full name of the message in a type URL.
func nameOf(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// unpack gives the message in a, or nil; for one of unknown type that is a TypedStruct.
func unpack(a *anypb.Any) proto.Message {
	if a == nil {
		return nil
	}
	m, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: known()})
	if err != nil {
		return nil
	}
	return m
}

// typeOf is the full name of the message that m is, or stands for.
func typeOf(m proto.Message) string {
	if s, ok := m.(*xdstypev3.TypedStruct); ok {
		return nameOf(s.GetTypeUrl())
	}
	if m == nil {
		return ""
	}
	return string(m.ProtoReflect().Descriptor().FullName())
}
