package redisstore

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Operation is one command, or one pipeline of commands, that was sent or should have been.
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

// hook stands around everything that a client sends, with a span and an observation.
type hook struct {
	tracer  trace.Tracer
	attrs   []attribute.KeyValue
	observe func(Operation)
	// failed is called with each failure of the server or the way to it.
	failed func(ErrorType)
}

var _ redis.Hook = (*hook)(nil)

func newHook(opt Options, failed func(ErrorType)) *hook {
	h := &hook{
		tracer:  opt.TracerProvider.Tracer("github.com/corsgate/corsgate/tenant/redisstore"),
		attrs:   []attribute.KeyValue{attribute.String("db.system.name", "redis"), attribute.String("db.namespace", strconv.Itoa(opt.DB))},
		observe: opt.Observe,
		failed:  failed,
	}
	host, port, err := net.SplitHostPort(opt.Addresses[0])
	if err != nil {
		host = opt.Addresses[0]
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
		// When a login is refused the library leaves the commands without an error, as if their replies were empty.
		if err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil }) {
			setErrors(cmds, err)
		}
		return err
	}
}

func setErrors(cmds []redis.Cmder, err error) {
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
}

// greets reports whether cmd belongs to making a connection, which is a part of the command that needs one.
func greets(cmd redis.Cmder) bool {
	return slices.Contains([]string{"hello", "auth", "select", "client"}, cmd.Name())
}

// around makes a call.
func (h *hook) around(ctx context.Context, op Operation, call func(context.Context) (ErrorType, error)) error {
	begin := time.Now()
	ctx, span := h.start(ctx, op)
	defer span.End()
	var err error
	op.Error, err = call(ctx)
	op.Duration = time.Since(begin)
	if op.Error.failed() {
		h.failed(op.Error)
	}
	if op.Error != "" {
		span.SetAttributes(attribute.String("error.type", string(op.Error)))
		span.SetStatus(codes.Error, "")
	}
	h.observe(op)
	return err
}

// start makes a span if the context's one is recorded. It has no arguments and no keys.
func (h *hook) start(ctx context.Context, op Operation) (context.Context, trace.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, noop.Span{}
	}
	attrs := append(slices.Clip(h.attrs), attribute.String("db.operation.name", op.Name))
	if op.Commands > 1 {
		attrs = append(attrs, attribute.Int("db.operation.batch.size", op.Commands))
	}
	return h.tracer.Start(ctx, op.Name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
}

// rescuer makes errors of panics. The library panics on replies that are of the protocol and not what
// the command gives, after it has discarded the connection.
type rescuer struct{}

var _ redis.Hook = rescuer{}

// DialHook implements [redis.Hook].
func (rescuer) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (rescuer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) (err error) {
		defer rescue(&err, nil)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (rescuer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		defer rescue(&err, cmds)
		return next(ctx, cmds)
	}
}

// rescue is deferred. Commands that have got no reply get the error, too.
func rescue(err *error, cmds []redis.Cmder) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("reading a reply: %v", r)
		setErrors(cmds, *err)
	}
}
