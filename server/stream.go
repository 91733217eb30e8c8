package server

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// exchange is one stream, which is one HTTP request, and is used again for later ones.
type exchange struct {
	membership
	state
}

// state is what an exchange knows of its request. Between two messages it holds the decision and no message: in design
// A a stream waits as long as the application takes, and thousands may wait.
type state struct {
	ctx        context.Context //nolint:containedctx // the stream's; the exchange ends before it
	hint       string          // x-tenant of the gRPC metadata
	trace      *Trace          // own, until a load shares it; nil outside of gRPC
	own        Trace
	overloaded bool
	received   time.Time // when the present message came

	// The present message, here and not on the stack, which would have to grow for it.
	frame   frame
	message message
	seen    Observation

	decided bool // at the request
	result  tenant.Result
	subject subject
	waited  bool
}

// subject is whose policy decided, and how well it is known.
type subject struct {
	tenant    string
	tier      string
	revision  int64
	freshness tenant.Freshness
}

var errUnread = errors.New("a message could not be read")

// process serves one stream. It returns nil when nothing more is to be said, and
// when Envoy has gone: a canceled stream is how Envoy ends one, not a failure.
func (s *Service) process(stream grpc.ServerStream) error {
	ctx := stream.Context()
	x, n := s.streams.open(ctx)
	defer s.streams.close(x)
	x.ctx, x.hint, x.overloaded, x.subject.freshness = ctx, tenantHint(ctx), n > s.maxStreams, tenant.Unknown
	if x.transport != nil {
		x.trace = &x.own
		x.own.read(ctx)
	}
	for {
		if err := stream.RecvMsg(&x.frame); err != nil {
			return ended(err)
		}
		x.spoke.Store(true)
		x.arrived()
		rep, err := s.answer(x)
		if err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		if rep.silent {
			continue
		}
		if rep.wire != nil {
			if err := stream.SendMsg(rep); err != nil {
				return ended(err)
			}
		}
		if rep.last {
			return nil
		}
	}
}

// arrived notes when a message came.
func (x *exchange) arrived() {
	x.received = time.Now()
	if x.trace != nil && !x.decided {
		x.trace.Received = x.received
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
func (s *Service) answer(x *exchange) (rep *reply, err error) {
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
func (x *exchange) forget() {
	x.frame.free()
	x.message, x.seen = message{}, Observation{}
}

// reply answers one decoded message.
func (s *Service) reply(x *exchange, m *message) *reply {
	switch m.kind {
	case requestHeaders:
		x.decided = true
		s.decide(x, m)
		rep := x.requestReply(RequestPhase)
		s.observe(x.observation(m, rep))
		return rep
	case responseHeaders:
		if x.decided {
			return s.replyLate(x, m)
		}
		return s.replyOnly(x, m)
	default:
		return s.fixed.empty(m.kind)
	}
}

// replyLate edits a response whose request was decided on this stream (design A).
func (s *Service) replyLate(x *exchange, m *message) *reply {
	rep := x.responseReply(&m.upstream, false)
	if rep.conflict || rep.rejected {
		o := x.observation(m, rep)
		o.Late = true
		s.observe(o)
	}
	return rep
}

// replyOnly decides at the response (design B, and local replies of filters that
// come before us).
func (s *Service) replyOnly(x *exchange, m *message) *reply {
	m.request, m.path, m.requestID = m.attributes.request(), m.attributes.path, m.attributes.requestID
	s.decide(x, m)
	var rep *reply
	if x.result.Answered() {
		rep = x.requestReply(ResponsePhase)
	} else {
		rep = x.responseReply(&m.upstream, true)
	}
	s.observe(x.observation(m, rep))
	return rep
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
func (s *Service) decide(x *exchange, m *message) {
	r := &m.request
	r.Now = s.clock().Unix()
	x.subject, x.waited = subject{freshness: tenant.Unknown}, false
	key := x.key(m)
	switch {
	case x.overloaded:
		x.subject.freshness = tenant.Unavailable
		x.result = tenant.Result{Decision: policy.DecideError(r, policy.Overload), Memo: s.closed}
		return
	case m.kind == responseHeaders && key.Hint == "" && key.Authority == "":
		x.result = tenant.Result{Decision: policy.DecideUnseen(), Memo: s.closed}
		return
	}
	view, ok := s.lookup(x, key)
	x.subject.freshness = view.Freshness
	if !ok {
		x.result = tenant.Result{Decision: policy.DecideError(r, policy.Deadline), Memo: s.closed}
		return
	}
	x.subject.tenant, x.subject.tier, x.subject.revision = view.ID(), view.Tier(), view.Revision()
	x.result = view.Decide(r, s.unknown)
	if view.Freshness >= tenant.Unknown {
		// No policy decided: strangers to every tenant share one memory.
		x.result.Memo = s.closed
	} else if m, ok := x.result.Memo.(*memo); ok && s.onUse != nil {
		view.Use(&x.result, &m.uses, r.Now, s.onUse)
	}
}

// key is what the tenant of m is looked up by.
func (x *exchange) key(m *message) tenant.Key {
	key := tenant.Key{Hint: x.hint, Authority: m.request.Authority, Path: m.path}
	if key.Hint == "" {
		key.Hint = m.attributes.tenant
	}
	return key
}

// lookup finds a tenant. It waits only for a load under way, at most for what is
// left of the budget (rule 77); false means that the time is up.
func (s *Service) lookup(x *exchange, key tenant.Key) (view tenant.View, ok bool) {
	key.Waiter = x
	view = s.registry.Lookup(key)
	if view.Freshness != tenant.Loading {
		return view, true
	}
	x.waited = true
	timer := time.NewTimer(s.budget - time.Since(x.received))
	gone := x.ctx.Done() // when Envoy has left
	defer timer.Stop()
	for view.Freshness == tenant.Loading {
		select {
		case <-view.Loading:
		case <-timer.C:
			return view, false
		case <-gone:
			return view, false
		}
		if time.Since(x.received) >= s.budget {
			return view, false
		}
		view = s.registry.Lookup(key)
	}
	return view, true
}
