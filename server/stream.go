package server

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/server/answer"
	"github.com/corsgate/corsgate/tenant"
)

// stream is one stream of Envoy, which is one HTTP request. It is used again for later ones.
type stream struct {
	membership
	state
}

// state is what a stream knows of its request. Between two messages it holds the decision and no message: in design
// A a stream waits as long as the application takes, and thousands may wait.
type state struct {
	ctx        context.Context   //nolint:containedctx // the stream's; the stream ends before it
	hint       string            // x-tenant of the gRPC metadata
	parent     trace.SpanContext // Envoy's span of the call
	overloaded bool
	received   time.Time // when the present message came

	// The present message, here and not on the stack, which would have to grow for it.
	frame   frame
	message message
	seen    Observation

	decided bool // at the request
	result  tenant.Result
	tenant  answer.TenantInfo
	waited  bool
}

var errUnread = errors.New("a message could not be read")

// process serves one stream. It returns nil when nothing more is to be said, and
// when Envoy has gone: a canceled stream is how Envoy ends one, not a failure.
func (s *Service) process(rpc grpc.ServerStream) error {
	ctx := rpc.Context()
	x, n := s.streams.open(ctx)
	defer s.streams.close(x)
	x.ctx, x.hint, x.parent = ctx, tenantHint(ctx), parentOf(ctx)
	x.overloaded, x.tenant.Freshness = n > s.maxStreams, tenant.Unknown
	for {
		if err := rpc.RecvMsg(&x.frame); err != nil {
			return ended(err)
		}
		x.spoke.Store(true)
		x.received = time.Now()
		rep, err := s.answer(x)
		if err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		if rep.silent {
			continue
		}
		if rep.wire != nil {
			if err := rpc.SendMsg(rep); err != nil {
				return ended(err)
			}
		}
		if rep.last {
			return nil
		}
	}
}

// ended turns the ways in which Envoy ends a stream into success.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded:
		return nil
	default:
		return err
	}
}

// tenantHint is the operator's x-tenant. Two of them cannot come from one
// configuration; joined they name no tenant.
func tenantHint(ctx context.Context) string {
	hint := strings.Join(metadata.ValueFromIncomingContext(ctx, wire.GRPCTenant), ",")
	return hint[:min(len(hint), maxFieldBytes)]
}

// answer decodes the frame that has come, frees it, and returns the reply. The error means that it is no
// message of the protocol, or that a panic kept it from being read: Envoy then applies the failure mode of the request.
func (s *Service) answer(x *stream) (rep *reply, err error) {
	m := &x.message
	defer x.forget()
	defer func() {
		if v := recover(); v != nil {
			s.panics.log(v)
			if m.decoded {
				rep, err = s.afterPanic(x, m), nil
				return
			}
			rep, err = nil, errUnread
			s.observe(&Observation{Outcome: policy.Error, Reason: policy.Panic, OriginIndex: -1, Panicked: true, Freshness: tenant.Unknown, Phase: m.kind.phase()})
		}
	}()
	if err := m.decode(x.frame.bytes(), s.tenantAttribute); err != nil {
		return nil, err
	}
	if m.observability {
		return &s.fixed.silence, nil
	}
	return s.reply(x, m), nil
}

// forget lets go of the present message and of all that refers to it.
func (x *stream) forget() {
	x.frame.free()
	x.message, x.seen = message{}, Observation{}
}

// reply answers one decoded message.
func (s *Service) reply(x *stream, m *message) *reply {
	switch m.kind {
	case requestHeaders:
		x.decided = true
		s.decide(x, m)
		rep := s.requestReply(x)
		s.observe(x.observation(m, rep))
		return rep
	case responseHeaders:
		if x.decided {
			return s.replyLate(x, m)
		}
		return s.replyOnly(x, m)
	default:
		return &s.fixed.empty[m.kind]
	}
}

// replyLate edits a response whose request was decided on this stream (design A).
func (s *Service) replyLate(x *stream, m *message) *reply {
	m.upstream.Decided = true
	rep := s.responseReply(x, m)
	if rep.conflict || rep.rejected {
		o := x.observation(m, rep)
		o.Late = true
		s.observe(o)
	}
	return rep
}

// replyOnly decides at the response (design B, and local replies of filters that
// come before us).
func (s *Service) replyOnly(x *stream, m *message) *reply {
	m.request, m.path, m.requestID = m.attributes.request(), m.attributes.path, m.attributes.requestID
	s.decide(x, m)
	var rep *reply
	if x.result.Answered() {
		rep = s.requestReply(x)
	} else {
		rep = s.responseReply(x, m)
	}
	s.observe(x.observation(m, rep))
	return rep
}

// requestReply carries out the decision before the application is asked: an immediate response, or go on. In the response
// phase it is only used for immediate responses.
func (s *Service) requestReply(x *stream) *reply {
	build := func() answer.Answer { return answer.ToRequest(&x.result, &x.tenant) }
	if key, ok := x.memoKey(RequestPhase, nil); ok {
		return s.replies.reply(&key, build)
	}
	a := build()
	return encode(&a, RequestPhase)
}

// responseReply carries out the decision on a response.
func (s *Service) responseReply(x *stream, m *message) *reply {
	up := &m.upstream
	if x.result.WantsNames() {
		up.Names = headerNames(x.frame.bytes())
	}
	build := func() answer.Answer { return answer.ToResponse(&x.result, &x.tenant, up) }
	if key, ok := x.memoKey(ResponsePhase, up); ok {
		return s.replies.reply(&key, build)
	}
	a := build()
	return encode(&a, ResponsePhase)
}

// observe tells the observer. Its panics are its own.
func (s *Service) observe(o *Observation) {
	if s.observer == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			s.panics.log(v)
		}
	}()
	s.observer(o)
}

// decide looks up the tenant of m and keeps the decision in x.
func (s *Service) decide(x *stream, m *message) {
	r := &m.request
	r.Now = s.clock().Unix()
	x.tenant, x.waited = answer.TenantInfo{Freshness: tenant.Unknown}, false
	key := x.key(m)
	switch {
	case x.overloaded:
		x.tenant.Freshness = tenant.Unavailable
		x.result = tenant.Result{Decision: policy.DecideError(r, policy.Overload)}
		return
	case m.kind == responseHeaders && key.Hint == "" && key.Authority == "":
		x.result = tenant.Result{Decision: policy.DecideUnseen()}
		return
	}
	view := s.registry.Lookup(x.lookupContext(), key)
	x.waited = view.Waited
	x.tenant = answer.TenantInfo{ID: view.ID(), Tier: view.Tier(), Revision: view.Revision(), Freshness: view.Freshness}
	x.result = view.Decide(r, s.unknown)
	if s.onUse != nil {
		view.Use(&x.result, r.Now, s.onUse)
	}
}

// key is what the tenant of m is looked up by.
func (x *stream) key(m *message) tenant.Key {
	key := tenant.Key{Hint: x.hint, Authority: m.request.Authority, Path: m.path}
	if key.Hint == "" {
		key.Hint = m.attributes.tenant
	}
	return key
}

// lookupContext is the stream's context. Of a sampled trace it has Envoy's span, so that what the registry does for
// the request belongs to its trace.
func (x *stream) lookupContext() context.Context {
	if !x.parent.IsSampled() {
		return x.ctx
	}
	return trace.ContextWithRemoteSpanContext(x.ctx, x.parent)
}
