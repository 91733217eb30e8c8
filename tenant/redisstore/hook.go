package redisstore

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsgate/corsgate/tenant/store"
)

// Operation is one command, or one pipeline of commands, that was or was not sent.
type Operation struct {
	// Name is the command in capitals, "PIPELINE" or "MULTI". No name comes from outside.
	Name string
	// Commands that it consists of.
	Commands int
	// Duration until the last reply, or until it failed. A wait for changes is part of it.
	Duration time.Duration
	// Error is what failed; of a pipeline the gravest error. "" is success.
	Error ErrorType
}

// hook stands around everything that a client sends: breaker, span, observation. The library's
// own Limiter does the like for each node of a cluster, and not behind redirections.
type hook struct {
	// breaker is nil for the client that waits for changes: it has pauses of its own.
	breaker *breaker
	tracer  trace.Tracer
	attrs   []attribute.KeyValue
	observe func(Operation)
	// opened is called when the breaker opened (true) or closed.
	opened func(open bool, cause ErrorType)
	// failed is called with each failure of the server or the way to it.
	failed func(ErrorType)
}

var _ redis.Hook = (*hook)(nil)

func newHook(opt Options, b *breaker, failed func(ErrorType)) *hook {
	h := &hook{
		breaker: b,
		tracer:  opt.TracerProvider.Tracer("github.com/corsgate/corsgate/tenant/redisstore"),
		attrs:   []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.namespace", strconv.Itoa(opt.DB))},
		observe: opt.Observe,
		failed:  failed,
	}
	h.opened = func(open bool, cause ErrorType) {
		if open {
			opt.Log.Warn("redis fails repeatedly and is asked once a second only", "error_type", string(cause))
		} else {
			opt.Log.Info("redis answers again")
		}
	}
	host, port, err := net.SplitHostPort(opt.Addresses[0])
	if err != nil {
		h.attrs = append(h.attrs, attribute.String("server.address", opt.Addresses[0]))
		return h
	}
	h.attrs = append(h.attrs, attribute.String("server.address", host))
	if n, err := strconv.Atoi(port); err == nil {
		h.attrs = append(h.attrs, attribute.Int("server.port", n))
	}
	return h
}

// DialHook implements [redis.Hook]; connections are observed by what is sent over them.
func (h *hook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook] for single commands.
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if greets(cmd) {
			return next(ctx, cmd)
		}
		return h.around(ctx, Operation{Name: strings.ToUpper(cmd.FullName()), Commands: 1}, func(ctx context.Context) (ErrorType, error) {
			err := next(ctx, cmd)
			return classify(ctx, err), err
		})
	}
}

// ProcessPipelineHook implements [redis.Hook] for pipelines and transactions.
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) == 0 || greets(cmds[0]) {
			return next(ctx, cmds)
		}
		op := Operation{Name: "PIPELINE", Commands: len(cmds)}
		if cmds[0].Name() == "multi" {
			op.Name = "MULTI"
		}
		err := h.around(ctx, op, func(ctx context.Context) (ErrorType, error) {
			err := next(ctx, cmds)
			return classifyAll(ctx, err, cmds), err
		})
		// A call that was not let through, and a login that was refused: the library leaves such
		// commands without an error, and with what looks like an empty reply.
		if err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil }) {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

// greets reports whether cmd belongs to making a connection, which is part of the command that
// needs one: it must neither count twice nor meet a breaker that lets one call pass.
func greets(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "hello", "auth", "select", "client":
		return true
	default:
		return false
	}
}

// around makes a call if the breaker lets it.
func (h *hook) around(ctx context.Context, op Operation, call func(context.Context) (ErrorType, error)) error {
	begin := time.Now()
	var phase uint64
	if h.breaker != nil {
		var ok bool
		if phase, ok = h.breaker.allow(); !ok {
			op.Error = ErrorUnavailable
			h.observe(op)
			return store.ErrUnavailable
		}
	}
	ctx, span := h.start(ctx, op)
	var err error
	op.Error, err = call(ctx)
	op.Duration = time.Since(begin)
	h.settle(phase, op.Error)
	end(span, op.Error)
	h.observe(op)
	return err
}

func (h *hook) settle(phase uint64, e ErrorType) {
	if e.outcome() == failure {
		h.failed(e)
	}
	if h.breaker != nil && h.breaker.settle(phase, e.outcome()) {
		h.opened(e.outcome() == failure, e)
	}
}

// start makes a span if the context's one is recorded. It has no arguments and no keys.
func (h *hook) start(ctx context.Context, op Operation) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	attrs := append(slices.Clip(h.attrs), attribute.String("db.operation.name", op.Name))
	if op.Commands > 1 {
		attrs = append(attrs, attribute.Int("db.operation.batch.size", op.Commands))
	}
	return h.tracer.Start(ctx, op.Name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
}

func end(span trace.Span, e ErrorType) {
	if span == nil {
		return
	}
	if e != "" {
		span.SetAttributes(attribute.String("error.type", string(e)))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
