package faults

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-redis notices a second after it was closed that nobody wants the connection which it could not open.
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"),
	)
}

const (
	prefix  = redisstore.DefaultPrefix
	listed  = "https://app.example"
	foreign = "https://evil.example"
	// tenants of most labs: the limit of mass changes, 50, is a twentieth of them.
	tenants = 1000
)

func id(i int) string   { return fmt.Sprintf("t%04d", i) }
func host(i int) string { return fmt.Sprintf("api.t%04d.example", i) }

// text is a document of tenant i with these origins.
func text(i int, origins ...string) string { return hosting(i, []string{host(i)}, origins...) }

// hosting is text with other hosts.
func hosting(i int, hosts []string, origins ...string) string {
	return fmt.Sprintf(`{"id":%q,"hosts":[%s],"policy":{"origins":[%s]}}`, id(i), list(hosts), list(origins))
}

// revised is text with a revision.
func revised(i, revision int, origins ...string) string {
	return fmt.Sprintf(`{"revision":"%d",`, revision) + text(i, origins...)[1:]
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = fmt.Sprintf("%q", item)
	}
	return strings.Join(quoted, ",")
}

// lab is a Redis with tenants, a link to it that can fail, and a copy of it.
type lab struct {
	*testing.T
	redis  *redistest.Server
	link   *redistest.Link
	backup string // its path
	*replica.Replica
	stop func()
}

// quick are intervals that let a row end in seconds.
func quick(o *replica.Options) {
	o.TTL = time.Second
	o.CheckInterval = 300 * time.Millisecond
}

// newLab starts a Redis with n tenants; [lab.open] starts the copy.
func newLab(t *testing.T, n int, opt redistest.Options) *lab {
	t.Helper()
	l := &lab{T: t, redis: redistest.Start(t, opt), backup: filepath.Join(t.TempDir(), "backup")}
	l.fill(n)
	l.link = redistest.Proxy(t, l.redis.Addr())
	return l
}

// fill stores n tenants.
func (l *lab) fill(n int) {
	l.Helper()
	pipe := l.redis.Admin().Pipeline()
	for i := range n {
		pipe.Set(l.Context(), prefix+"tenant:"+id(i), text(i, listed), 0)
	}
	pipe.HSet(l.Context(), prefix+"meta", "epoch", "first", "schema", "1")
	pipe.Do(l.Context(), "XADD", prefix+"changes", "*", "tenant", id(0), "kind", "apply")
	if _, err := pipe.Exec(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// write stores a document, or deletes it when it is "", and announces that.
func (l *lab) write(i int, document string) {
	l.Helper()
	pipe := l.redis.Admin().TxPipeline()
	if document == "" {
		pipe.Del(l.Context(), prefix+"tenant:"+id(i))
	} else {
		pipe.Set(l.Context(), prefix+"tenant:"+id(i), document, 0)
	}
	pipe.Do(l.Context(), "XADD", prefix+"changes", "*", "tenant", id(i), "kind", "apply")
	if _, err := pipe.Exec(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// confirm is what `corsgate tenant confirm` does.
func (l *lab) confirm(token string) {
	l.redis.Do("HSET", prefix+"meta", "confirmed", token)
	l.redis.Do("XADD", prefix+"changes", "*", "kind", "confirm")
}

// reader connects to addr.
func reader(t *testing.T, addr string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(redisstore.Options{Addresses: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// start starts a copy behind the link; stop ends it and waits. It does not wait for anything.
func (l *lab) start(change func(*replica.Options)) (running *replica.Replica, stop func()) {
	l.Helper()
	opt := replica.Options{
		Source: reader(l.T, l.link.Addr()), Backup: l.backup, Identity: "lab",
		Log: slog.New(slog.NewTextHandler(l.Output(), nil)),
	}
	quick(&opt)
	if change != nil {
		change(&opt)
	}
	running, err := replica.New(opt)
	if err != nil {
		l.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.Context())
	var runs sync.WaitGroup
	runs.Go(func() { _ = running.Run(ctx) })
	stop = func() { cancel(); runs.Wait() }
	l.Cleanup(stop)
	return running, stop
}

// open starts the copy of the lab.
func (l *lab) open(change func(*replica.Options)) {
	l.Helper()
	l.Replica, l.stop = l.start(change)
}

// follow starts a copy and waits until it follows.
func (l *lab) follow(change func(*replica.Options)) {
	l.Helper()
	l.open(change)
	l.until("the copy follows", func() bool { return l.Status().Primed && l.Status().Following })
}

// until waits for a condition.
func (l *lab) until(what string, ok func() bool) {
	l.Helper()
	harness.Eventually(l.T, what, func() error {
		if ok() {
			return nil
		}
		return fmt.Errorf("%+v", l.Status())
	})
}

// looked waits until the copy has looked where the store is some more times.
func (l *lab) looked() {
	l.Helper()
	before := l.Stats().Reads
	l.until("the store was looked at again", func() bool { return l.Stats().Reads > before+3 })
}

// at is the view of tenant i.
func (l *lab) at(i int) tenant.View {
	return l.Lookup(l.Context(), tenant.Key{Authority: host(i), Path: "/"})
}

// fresh reports where the view of tenant i comes from.
func (l *lab) fresh(i int) tenant.Freshness { return l.at(i).Freshness }

// told reports whether a document is told not to be in force, and why.
func (l *lab) told(id string, why tenant.Why) bool { return told(l.Replica, id, why) }

func told(r *replica.Replica, id string, why tenant.Why) bool {
	return slices.ContainsFunc(r.Survey().Rejected, func(p tenant.Rejection) bool { return p.ID == id && p.Why == why })
}

// live is the number of tenants that the store has just confirmed.
func (l *lab) live() int { return l.Survey().Fresh[tenant.Live] }

// allows reports what tenant i says of an origin now.
func (l *lab) allows(i int, origin string) bool {
	v := l.at(i)
	return allowed(&v, host(i), origin)
}

func allowed(v *tenant.View, host, origin string) bool {
	r := policy.Request{Method: "GET", Scheme: "https", Authority: host, Origin: origin}
	res := v.Decide(&r, policy.UnknownRefuse)
	return res.Outcome == policy.Allowed
}

// stranger asks for a host that nobody has, as the server does, and returns how long that took.
func (l *lab) stranger(host string) (tenant.View, time.Duration) {
	began := time.Now()
	v := l.Lookup(l.Context(), tenant.Key{Authority: host, Path: "/"})
	return v, time.Since(began)
}

// load decides for the first n tenants, without a pause, until stopped.
type load struct {
	wrong, asked atomic.Int64
	first        atomic.Pointer[string]
	quit         chan struct{}
	done         sync.WaitGroup
}

func (l *lab) load(n int) *load {
	r := &load{quit: make(chan struct{})}
	r.done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.quit:
				return
			case <-tick.C:
			}
			for range 20 {
				i := rand.IntN(n)
				v := l.at(i)
				r.asked.Add(1)
				if !allowed(&v, host(i), listed) || allowed(&v, host(i), foreign) {
					r.wrong.Add(1)
					what := fmt.Sprintf("tenant %d is %v", i, v.Freshness)
					r.first.CompareAndSwap(nil, &what)
				}
			}
		}
	})
	l.Cleanup(func() { r.end() })
	return r
}

func (r *load) end() {
	select {
	case <-r.quit:
	default:
		close(r.quit)
	}
	r.done.Wait()
}

// check ends the load and reports wrong decisions.
func (l *lab) check(r *load) {
	l.Helper()
	r.end()
	if n := r.wrong.Load(); n > 0 || r.asked.Load() == 0 {
		l.Errorf("%d of %d decisions were wrong or failed, the first: %s", n, r.asked.Load(), *r.first.Load())
	}
}

// baseline writes the documents of tenants into a directory.
func baseline(t *testing.T, documents ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, d := range documents {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(d), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// switchboard is a store that can be exchanged for another, as a failover does.
type switchboard struct{ now atomic.Pointer[store.Source] }

func (s *switchboard) connect(r store.Source) { s.now.Store(&r) }

func (s *switchboard) Head(ctx context.Context) (store.Head, error) { return (*s.now.Load()).Head(ctx) }

func (s *switchboard) IDs(ctx context.Context, page func([]string) error) error {
	return (*s.now.Load()).IDs(ctx, page)
}

func (s *switchboard) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	return (*s.now.Load()).Documents(ctx, ids)
}

func (s *switchboard) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	return (*s.now.Load()).Owners(ctx, hosts)
}

func (s *switchboard) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	return (*s.now.Load()).Changes(ctx, after, limit, wait)
}

func (s *switchboard) HasChange(ctx context.Context, at store.Position) (bool, error) {
	return (*s.now.Load()).HasChange(ctx, at)
}

// twoLines follows the stream on one connection and reads everything else on another.
type twoLines struct {
	store.Source
	stream store.Source
}

func (r twoLines) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	if wait > 0 {
		return r.stream.Changes(ctx, after, limit, wait)
	}
	return r.Source.Changes(ctx, after, limit, wait)
}

// credulous hides everything by which the copy knows a store that is not where it should be.
type credulous struct {
	store.Source
	last *atomic.Pointer[store.Head]
}

func believe(r store.Source) credulous {
	return credulous{Source: r, last: &atomic.Pointer[store.Head]{}}
}

func (c credulous) improve(h store.Head) store.Head {
	if last := c.last.Load(); last != nil && (!h.Exists || h.Epoch != last.Epoch || h.Last.Before(last.Last)) {
		return *last
	}
	c.last.Store(&h)
	return h
}

func (c credulous) Head(ctx context.Context) (store.Head, error) {
	h, err := c.Source.Head(ctx)
	return c.improve(h), err
}

func (c credulous) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	d, err := c.Source.Documents(ctx, ids)
	d.Head = c.improve(d.Head)
	return d, err
}

func (c credulous) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	o, err := c.Source.Owners(ctx, hosts)
	o.Head = c.improve(o.Head)
	return o, err
}

func (c credulous) HasChange(context.Context, store.Position) (bool, error) { return true, nil }
