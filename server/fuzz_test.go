package server_test

import (
	"slices"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server"
	"github.com/corsgate/corsgate/server/servertest"
)

// fuzzHosts are what the messages of FuzzProcess ask for, and fuzzOrigins the only specific
// origins that any of them may be granted.
func fuzzHosts() []string {
	return []string{"api.acme.example", "public.example", "off.example", "strict.example", "nobody.example", "a,b", ""}
}

func fuzzOrigins() []string {
	return []string{"https://app.acme.example", "https://app.strict.example"}
}

// step makes message number op. The low bits choose the message, the high ones the host.
func step(op byte, r servertest.Request, garbage []byte) []byte {
	hosts := fuzzHosts()
	r.Authority = hosts[int(op>>4)%len(hosts)]
	app := ok([2]string{"access-control-allow-origin", "*"}, [2]string{"vary", string(garbage)}, [2]string{"x-app", "1"})
	asked := r
	asked.Method = "OPTIONS"
	asked.Headers = append(slices.Clone(r.Headers), [2]string{wire.HeaderRequestMethod, "PUT"}, [2]string{wire.HeaderRequestHeaders, string(garbage)})
	var msg *message
	switch op & 0xF {
	case 0, 1:
		msg = request(r)
	case 2:
		msg = request(asked)
	case 3, 4:
		msg = servertest.ResponseHeaders(app, nil)
	case 5:
		msg = servertest.ResponseHeaders(app, servertest.Attributes(r))
	case 6:
		msg = servertest.ResponseHeaders(app, servertest.Attributes(asked))
	case 7:
		msg = body(false)
	case 8:
		msg = trailers(true)
	case 9:
		msg = watched(request(r))
	case 10:
		msg = &message{}
	case 11:
		r.Headers = append(slices.Clone(r.Headers), [2]string{"upgrade", "websocket"})
		msg = request(r)
	case 12:
		r.Method, r.Path = string(garbage), string(garbage)
		msg = request(r)
	default:
		return garbage
	}
	b, err := proto.Marshal(msg)
	if err != nil {
		return garbage // an attribute that is no UTF-8
	}
	return b
}

// FuzzProcess plays any sequence of messages. Each gets one reply of its phase or none,
// nothing panics, nothing denied is granted, and what is granted is the request's own
// origin or everybody.
func FuzzProcess(f *testing.F) {
	f.Add([]byte{0, 3}, "https://app.acme.example", []byte("accept"))
	f.Add([]byte{2, 0x12, 0x32}, "https://evil.example", []byte("x-acme, x-b"))
	f.Add([]byte{5, 6, 7, 8, 9, 0x25, 10}, "null", []byte("*"))
	f.Add([]byte{0x3B, 0x0B, 0x3C}, "https://app.strict.example", []byte{0x12, 0x02, 0x0A, 0x00})
	f.Add([]byte{13, 0}, "", []byte{0xFF, 0, '\r', '\n'})
	registry := snapshot(f, acme, public, off, strict)
	f.Fuzz(func(t *testing.T, program []byte, origin string, garbage []byte) {
		svc := service(t, registry, func(cfg *server.Config) {
			cfg.Observe = func(o *server.Observation) {
				if o.Reason == policy.Panic || o.Rejected {
					t.Errorf("observed %+v", o)
				}
			}
		})
		s := &script{ctx: t.Context()}
		for _, op := range program[:min(len(program), 16)] {
			s.in = append(s.in, step(op, get("", origin), garbage))
		}
		if err := svc.Process(s); err != nil && status.Code(err) != codes.InvalidArgument {
			t.Fatalf("the stream ended with %v", err)
		}
		if s.double {
			t.Error("two replies to one message")
		}
		denied := false
		for i := range s.replies {
			reply := s.reply(t, i)
			if reply == nil {
				continue
			}
			checkPhase(t, s.in[i], reply)
			denied = checkReply(t, reply, checked{origin: strings.Trim(origin, " \t"), denied: denied})
		}
	})
}

func checkPhase(t *testing.T, in []byte, reply *extprocv3.ProcessingResponse) {
	t.Helper()
	var msg message
	if proto.Unmarshal(in, &msg) != nil {
		return
	}
	var want []string
	switch msg.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		want = []string{"request_headers", "immediate 204", "immediate 403"}
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		want = []string{"response_headers", "immediate 204", "immediate 403"}
	case *extprocv3.ProcessingRequest_RequestBody:
		want = []string{"request_body"}
	case *extprocv3.ProcessingRequest_ResponseBody:
		want = []string{"response_body"}
	case *extprocv3.ProcessingRequest_RequestTrailers:
		want = []string{"request_trailers"}
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		want = []string{"response_trailers"}
	}
	if got := shape(reply); !slices.Contains(want, got) {
		t.Errorf("%v is answered by %s", &msg, got)
	}
}

// checked is what the replies of a stream are checked against.
type checked struct {
	origin string
	denied bool // by the last decision of the stream
}

// checkReply returns whether the last decision, made here or before, grants nothing.
func checkReply(t *testing.T, reply *extprocv3.ProcessingResponse, c checked) bool {
	t.Helper()
	fields := reply.GetDynamicMetadata().GetFields()[wire.Namespace].GetStructValue().GetFields()
	if decision := fields[wire.MetaDecision].GetStringValue(); decision != "" {
		c.denied = decision == "denied" || decision == "error"
	}
	values := map[string]string{}
	for key, value := range fields {
		if key != wire.MetaUndecided && key != wire.MetaUnedited {
			values[key] = value.GetStringValue()
			continue
		}
		if value.GetStringValue() != "" || fields[wire.MetaDecision].GetStringValue() == "error" {
			t.Errorf("%s: %q by %v", key, value.GetStringValue(), fields)
		}
	}
	for _, h := range slices.Concat(reply.GetImmediateResponse().GetHeaders().GetSetHeaders(),
		reply.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders()) {
		values[h.GetHeader().GetKey()] = string(h.GetHeader().GetRawValue())
		if c.denied && strings.HasPrefix(h.GetHeader().GetKey(), wire.HeaderCORSPrefix) {
			t.Errorf("denied, and yet %v", h)
		}
	}
	for name, value := range values {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) || value == "" {
			t.Errorf("%s: bad value %q", name, value)
		}
	}
	for _, pair := range wire.HeaderMeta() {
		if c.denied && values[pair[1]] != "" {
			t.Errorf("denied, and yet %s is %q", pair[1], values[pair[1]])
		}
	}
	for _, name := range []string{wire.MetaAllowOrigin, wire.HeaderAllowOrigin} {
		if v := values[name]; v != "" && v != "*" && (v != c.origin || !slices.Contains(fuzzOrigins(), v)) {
			t.Errorf("%s is %q for origin %q", name, v, c.origin)
		}
	}
	return c.denied
}
