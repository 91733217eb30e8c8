package ondemand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/maypok86/otter/v2"

	"github.com/corsgate/corsgate/tenant"
	tenantdoc "github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/trust"
)

// Reasons of loads that fail without the store.
var (
	errDistrusted = errors.New("the store is not where it should be, so what it says does not count")
	errEmpty      = errors.New("the document is empty")
)

// standing is how far the store is trusted. It does not change.
type standing struct {
	trust trust.Trust
	// turn grows when the store was elsewhere, or is believed anew. It is 0 before a head was read.
	turn int
}

// mistrusts reports whether what was read with a head since s does not count. Reads overtake each other, so a head is
// judged by what was known when it was asked for.
func (r *Registry) mistrusts(s *standing, h store.Head) bool {
	known := s.trust
	verdict, confirmed := known.Judge(h)
	if verdict == trust.Trusted && !confirmed && r.standing.Load().turn == s.turn {
		return false
	}
	r.look.Store(true)
	return true
}

// trusted is the present standing, when what the store says counts.
func (r *Registry) trusted() (*standing, error) {
	s := r.standing.Load()
	if s.turn == 0 || s.trust.Verdict() != trust.Trusted {
		return nil, errDistrusted
	}
	return s, nil
}

// documentLoader loads documents.
type documentLoader struct {
	*Registry
	sake sake
}

// Load implements [otter.Loader].
func (l documentLoader) Load(ctx context.Context, id string) (*document, error) {
	return load(ctx, l.Registry, l.sake, "/"+id, func(ctx context.Context) (*document, error) { return l.document(ctx, id, nil) })
}

// Reload implements [otter.Loader].
func (l documentLoader) Reload(ctx context.Context, id string, old *document) (*document, error) {
	return load(ctx, l.Registry, l.sake, "/"+id, func(ctx context.Context) (*document, error) { return l.document(ctx, id, old) })
}

// hostLoader finds the tenants of hosts.
type hostLoader struct {
	*Registry
	sake sake
}

// Load implements [otter.Loader].
func (l hostLoader) Load(ctx context.Context, host string) (binding, error) {
	return load(ctx, l.Registry, l.sake, host, func(ctx context.Context) (binding, error) { return l.bind(ctx, host) })
}

// Reload implements [otter.Loader].
func (l hostLoader) Reload(ctx context.Context, host string, _ binding) (binding, error) {
	return l.Load(ctx, host)
}

// load reads what is not in memory, or is old. A key that was not found, or failed while requests waited for it, is
// left alone for a time.
func load[V any](ctx context.Context, r *Registry, s sake, key string, read func(context.Context) (V, error)) (value V, err error) {
	leave, err := r.enter(s)
	if err != nil {
		return value, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.opt.LoadTimeout)
	defer cancel()
	done, isAwaited := func(error) {}, s == forStranger || s == forRequest
	if isAwaited {
		ctx, done = r.opt.OnLoad(ctx)
	}
	before := r.changed(key)
	value, err = read(ctx)
	done(err)
	leave(err == nil)
	isAbsent := errors.Is(err, otter.ErrNotFound)
	if err != nil && !isAbsent {
		r.counters.failed.Add(1)
	}
	if isAbsent || err != nil && isAwaited && !errors.Is(err, errBusy) {
		r.absent.Set(key, !isAbsent)
		if r.changed(key) != before {
			r.absent.Invalidate(key)
		}
	}
	return value, err
}

// document reads a document, which is in memory as old unless that is nil.
func (r *Registry) document(ctx context.Context, id string, old *document) (*document, error) {
	s, err := r.trusted()
	if err != nil {
		return nil, err
	}
	began := r.clock()
	r.counters.reads.Add(1)
	got, err := r.opt.Source.Documents(ctx, []string{id})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the document of tenant %s: %w", id, err)
	case r.mistrusts(s, got.Head):
		return nil, errDistrusted
	}
	next, err := r.merge(parse(&got.All[0], old), old, began)
	if err == nil && old != nil {
		r.giveHosts(old.current.Record(), next.current.Record())
	}
	return next, err
}

// parse reads a document, unless it is the one that is in memory.
func parse(d *store.Document, old *document) tenant.Update {
	u := tenant.Update{ID: d.ID, Err: d.Err, Bytes: len(d.Data)}
	if d.Err != nil || d.Data == nil {
		return u
	}
	u.Sum = xxhash.Sum64(d.Data)
	if old != nil && old.current.Sum() == u.Sum {
		return u
	}
	stored := tenantdoc.ParseStored(d.ID, d.Data)
	u.Record, u.Err = stored.Record, stored.Problems.Err()
	if u.Record == nil && u.Err == nil {
		u.Err = errEmpty
	}
	return u
}

// merge is what is in force after an update that began to be read at a time: the last good document stays.
func (r *Registry) merge(u tenant.Update, old *document, began int64) (*document, error) {
	rules := tenant.Rules{Now: time.Now(), AbsentAfter: r.opt.AbsentAfter}
	var before tenant.Current
	if old != nil {
		before = old.current
		rules.Force = old.read < r.forced.Load()
	}
	current, outcome := before.Merge(u, rules)
	r.counters.count(&u, old, &outcome)
	if current.Record() == nil {
		return nil, otter.ErrNotFound
	}
	return &document{current: current, read: began}, nil
}

// bind finds the tenant of a host: by the host itself, then by the longest wildcard, then by default (rule 26).
func (r *Registry) bind(ctx context.Context, host string) (binding, error) {
	before := r.changed(host)
	b, err := r.owner(ctx, host)
	if r.changed(host) != before { // once more is enough: what changes all the time is soon read again
		return r.owner(ctx, host)
	}
	return b, err
}

func (r *Registry) owner(ctx context.Context, host string) (binding, error) {
	s, err := r.trusted()
	if err != nil {
		return binding{}, err
	}
	keys := candidates(host)
	r.counters.reads.Add(1)
	got, err := r.opt.Source.Owners(ctx, keys)
	switch {
	case err != nil:
		return binding{}, fmt.Errorf("reading who a host belongs to: %w", err)
	case r.mistrusts(s, got.Head):
		return binding{}, errDistrusted
	}
	i := slices.IndexFunc(got.IDs, func(id string) bool { return id != "" })
	if i < 0 {
		return binding{}, otter.ErrNotFound
	}
	b := binding{id: got.IDs[i], as: keys[i]}
	return b, r.verify(ctx, b)
}

// verify finds out whether the document of a tenant lists a host that the store gives it.
func (r *Registry) verify(ctx context.Context, b binding) error {
	if !tenant.ValidID(b.id) {
		r.counters.integrity.Add(1)
		return otter.ErrNotFound
	}
	d, err := r.documents.Get(r.ended, b.id, r.documentRefresher) //nolint:contextcheck // see [Registry.find]
	if err != nil || !d.has(b.as) {
		result := <-r.documents.Refresh(ctx, b.id, documentLoader{r, within}) // that has a time-out
		d, err = result.Value, result.Err
	}
	if errors.Is(err, otter.ErrNotFound) || err == nil && !d.has(b.as) {
		r.counters.integrity.Add(1) // a host key without a document that lists the host
		return otter.ErrNotFound
	}
	return err
}

// candidates are the hosts, as documents write them, that cover host; the most specific first.
func candidates(host string) []string {
	list := []string{host}
	for _, base, ok := strings.Cut(host, "."); ok; _, base, ok = strings.Cut(base, ".") {
		list = append(list, "*."+base)
	}
	return append(list, "*")
}
