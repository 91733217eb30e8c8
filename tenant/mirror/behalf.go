package mirror

import "context"

// behalf is the context of a load with the values that [Options.OnLoad] gives it.
func (m *Mirror) behalf(ctx context.Context, flights []*flight) (context.Context, func(error)) {
	var requests []context.Context
	if m.opt.OnLoad != nil {
		for _, f := range flights {
			if f.request != nil {
				requests = append(requests, f.request)
			}
		}
	}
	if len(requests) == 0 {
		return ctx, func(error) {}
	}
	values, done := m.opt.OnLoad(requests)
	// Without its cancellation also in its values: the library finds that there.
	return &valued{Context: ctx, values: context.WithoutCancel(values)}, done
}

// valued is a context with the values of another one before its own.
type valued struct {
	context.Context                 //nolint:containedctx // it is one
	values          context.Context //nolint:containedctx // only for its values
}

// Value implements [context.Context].
func (v *valued) Value(key any) any {
	if value := v.values.Value(key); value != nil {
		return value
	}
	return v.Context.Value(key)
}
