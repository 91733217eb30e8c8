package servertest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsgate/corsgate/envoy/wire"
)

// Request is an HTTP request as the client sends it. Headers keep their order and
// may repeat.
type Request struct {
	Method, Scheme, Authority, Path string
	Headers                         [][2]string
}

// App is the application's response.
type App struct {
	Status  int
	Headers [][2]string
}

// RequestHeaders is the request_headers message for r.
func RequestHeaders(r Request) *extprocv3.ProcessingRequest {
	lines := [][2]string{{":authority", r.Authority}, {":path", r.Path}, {":method", r.Method}, {":scheme", r.Scheme}}
	return &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: headers(append(lines, r.Headers...))},
	}
}

// ResponseHeaders is the response_headers message for app. attributes may be nil.
func ResponseHeaders(app App, attributes map[string]string) *extprocv3.ProcessingRequest {
	lines := append([][2]string{{":status", strconv.Itoa(app.Status)}}, app.Headers...)
	msg := &extprocv3.ProcessingRequest{
		Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: headers(lines)},
	}
	if attributes != nil {
		fields := map[string]*structpb.Value{}
		for name, value := range attributes {
			fields[name] = structpb.NewStringValue(value)
		}
		msg.Attributes = map[string]*structpb.Struct{wire.AttributesKey: {Fields: fields}}
	}
	return msg
}

// Attributes are the response attributes of r that design B may ask for; those of
// absent headers are left out. An Origin beyond ASCII is "?", as the rendered
// configuration makes it: attributes are strings.
func Attributes(r Request) map[string]string {
	all := map[string]string{
		wire.AttrOrigin:         value(r.Headers, wire.HeaderOrigin),
		wire.AttrRequestMethod:  value(r.Headers, wire.HeaderRequestMethod),
		wire.AttrRequestHeaders: value(r.Headers, wire.HeaderRequestHeaders),
		wire.AttrHost:           r.Authority,
		wire.AttrPath:           r.Path,
		wire.AttrMethod:         r.Method,
		wire.AttrScheme:         r.Scheme,
		wire.AttrRequestID:      value(r.Headers, wire.HeaderRequestID),
	}
	if strings.ContainsFunc(all[wire.AttrOrigin], func(r rune) bool { return r > '~' }) {
		all[wire.AttrOrigin] = "?"
	}
	maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
	return all
}

// headers are lines as Envoy delivers them: names in lower case, values in
// raw_value without outer blanks, the lines of the headers that it knows joined by
// a comma.
func headers(lines [][2]string) *extprocv3.HttpHeaders {
	list := &corev3.HeaderMap{}
	var done []string
	for _, line := range lines {
		name := strings.ToLower(line[0])
		text := strings.Trim(line[1], " \t")
		if joins(name) {
			if slices.Contains(done, name) {
				continue
			}
			done, text = append(done, name), value(lines, name)
		}
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(text)})
	}
	return &extprocv3.HttpHeaders{Headers: list, EndOfStream: true}
}

func joins(name string) bool {
	return name == wire.HeaderOrigin || name == wire.HeaderVary || strings.HasPrefix(name, wire.HeaderCORSPrefix)
}

// value is the value of a header: its lines without outer blanks, joined by a comma.
func value(lines [][2]string, name string) string {
	var values []string
	for _, line := range lines {
		if strings.EqualFold(line[0], name) {
			values = append(values, strings.Trim(line[1], " \t"))
		}
	}
	return strings.Join(values, ",")
}
