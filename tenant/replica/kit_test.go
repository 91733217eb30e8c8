package replica_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/replica"
	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
	"github.com/corsgate/corsgate/tenant/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errGone is what a store says that is not there.
var errGone = errors.New("gone")

// step lets time pass, and then everything settle.
func step(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// soon is enough for whatever needs no time-out.
const soon = 50 * time.Millisecond

// world is a store and a replica of it, in the bubble of a test.
type world struct {
	*storetest.Memory
	t    *testing.T
	opt  replica.Options
	late atomic.Pointer[func(storetest.Call)]
	// schema is what heads say instead of the store's, when it is not 0.
	schema atomic.Int64
	// forgetful: heads do not say what was removed from the stream.
	forgetful atomic.Bool
	// deaf: waiting for changes brings none.
	deaf atomic.Bool
	// cut: waiting for changes fails.
	cut  atomic.Bool
	m    *replica.Replica
	stop func()
}

// Late has f called between a reading of the store and its answer; f may wait.
func (w *world) Late(f func(storetest.Call)) { w.late.Store(&f) }

// reader is the store with answers that may be late.
type reader struct {
	*storetest.Memory
	w *world
}

func (r reader) answer(head *store.Head, c storetest.Call) {
	if n := r.w.schema.Load(); n != 0 {
		head.Schema = int(n)
	}
	if r.w.forgetful.Load() {
		head.Trimmed = store.Position{}
	}
	if f := r.w.late.Load(); f != nil {
		(*f)(c)
	}
}

func (r reader) Changes(ctx context.Context, after store.Position, limit int, wait time.Duration) ([]store.Change, error) {
	if wait > 0 && r.w.deaf.Load() {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		return nil, ctx.Err()
	}
	if wait > 0 && r.w.cut.Load() {
		return nil, errGone
	}
	return r.Memory.Changes(ctx, after, limit, wait)
}

func (r reader) Head(ctx context.Context) (store.Head, error) {
	head, err := r.Memory.Head(ctx)
	r.answer(&head, storetest.Call{Op: storetest.OpHead})
	return head, err
}

func (r reader) Documents(ctx context.Context, ids []string) (store.Documents, error) {
	got, err := r.Memory.Documents(ctx, ids)
	r.answer(&got.Head, storetest.Call{Op: storetest.OpDocuments, Keys: ids})
	return got, err
}

func (r reader) Owners(ctx context.Context, hosts []string) (store.Owners, error) {
	got, err := r.Memory.Owners(ctx, hosts)
	r.answer(&got.Head, storetest.Call{Op: storetest.OpOwners, Keys: hosts})
	return got, err
}

// scene runs f in a bubble, with a store in which nothing is and a replica that is not started.
func scene(t *testing.T, opt replica.Options, f func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Memory: storetest.NewMemory(), t: t, opt: opt}
		w.opt.Backup = filepath.Join(t.TempDir(), "backup")
		defer func() {
			if w.stop != nil {
				w.stop()
			}
		}()
		f(w)
	})
}

// start runs a replica of the store; it begins with the backup of the last one.
func (w *world) start() {
	w.t.Helper()
	w.opt.Source = reader{w.Memory, w}
	w.m, w.stop = run(w.t, w.opt)
	step(soon)
}

// crash ends the replica; what was not in its backup is lost.
func (w *world) crash() {
	w.t.Helper()
	saved, err := os.ReadFile(w.opt.Backup)
	w.stop()
	w.stop = nil
	if err == nil {
		err = os.WriteFile(w.opt.Backup, saved, 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
}

// restart is a crash and a new start.
func (w *world) restart() {
	w.t.Helper()
	w.crash()
	w.start()
}

// run starts a replica; stop ends it and waits.
func run(t *testing.T, opt replica.Options) (running *replica.Replica, stop func()) {
	t.Helper()
	if opt.Log == nil {
		opt.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	m, err := replica.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return m, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// doc is a document that allows one origin, that of its text: two documents differ by it.
type doc struct {
	id, text string
	hosts    []string
	revision int
	maxStale time.Duration
}

func (d doc) bytes() []byte {
	text := fmt.Sprintf(`{"id":%q,"hosts":[%s],"policy":{"origins":[%s]}`, d.id, list(d.hosts), list(origins(d.text)))
	if d.revision > 0 {
		text += fmt.Sprintf(`,"revision":"%d"`, d.revision)
	}
	if d.maxStale > 0 {
		text += fmt.Sprintf(`,"max_stale":"%ds"`, int(d.maxStale.Seconds()))
	}
	return []byte(text + "}")
}

func origins(text string) []string {
	if text == "" {
		return nil
	}
	return []string{origin(text)}
}

func origin(text string) string { return "https://" + text + ".origin" }

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = fmt.Sprintf("%q", item)
	}
	return strings.Join(quoted, ",")
}

func tombstone(id string, hosts ...string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"deleted":true,"hosts":[%s],"revision":"1000000"}`, id, list(hosts))
}

// simple is a document with one host of its own.
func simple(id, text string) doc { return doc{id: id, text: text, hosts: []string{id + ".example"}} }

// many are n simple documents.
func many(n int) []doc {
	docs := make([]doc, n)
	for i := range docs {
		docs[i] = simple(fmt.Sprintf("t%d", i), "v1")
	}
	return docs
}

// put writes documents as a foreign writer does that announces nothing.
func (w *world) put(docs ...doc) {
	for _, d := range docs {
		w.Put(d.id, d.bytes(), d.hosts...)
	}
}

// write writes documents and announces them.
func (w *world) write(docs ...doc) {
	w.put(docs...)
	for _, d := range docs {
		w.Announce(d.id, store.KindApply, int64(d.revision))
	}
}

// bury deletes documents as our own writers do.
func (w *world) bury(docs ...doc) {
	for _, d := range docs {
		w.Put(d.id, tombstone(d.id, d.hosts...))
		w.Announce(d.id, store.KindDelete, 0)
	}
}

func (w *world) confirm() {
	w.t.Helper()
	if _, err := w.Confirm(w.t.Context(), store.Author{By: "an operator"}); err != nil {
		w.t.Fatal(err)
	}
}

// look is a lookup of a host, or of an id that begins with a slash.
func (w *world) look(host string) tenant.View {
	k := tenant.Key{Authority: host, Path: "/"}
	if id, ok := strings.CutPrefix(host, "/"); ok {
		k = tenant.Key{Hint: id, Path: "/"}
	}
	return w.m.Lookup(w.t.Context(), k)
}

// allows reports whether a view lets an origin in.
func allows(v tenant.View, text string) bool {
	d := v.Decide(&policy.Request{Method: "GET", Scheme: "https", Authority: "api.example", Origin: origin(text)}, policy.UnknownRefuse)
	return d.Outcome == policy.Allowed
}

// want compares what a host, or an id after a slash, is: its freshness and, after a blank, the one
// origin that it allows: "live v1".
func (w *world) want(host, want string) {
	w.t.Helper()
	freshness, text, _ := strings.Cut(want, " ")
	v := w.look(host)
	switch {
	case v.Freshness.String() != freshness:
		w.t.Errorf("%s is %s, want %s", host, v.Freshness, want)
	case text != "" && !allows(v, text):
		w.t.Errorf("%s (%s) does not allow %s", host, freshness, origin(text))
	case allows(v, "else"):
		w.t.Errorf("%s allows anybody", host)
	}
}

// wantAll is want for many documents.
func (w *world) wantAll(docs []doc, want string) {
	w.t.Helper()
	for _, d := range docs {
		w.want(d.hosts[0], want)
		if w.t.Failed() {
			return
		}
	}
}

// count compares some of the counters.
func (w *world) count(want map[string]int64) {
	w.t.Helper()
	got := counters(w.m.Stats())
	for name, n := range want {
		if got[name] != n {
			w.t.Errorf("counted %d %s, want %d; all: %+v", got[name], name, n, w.m.Stats())
		}
	}
}

func counters(s replica.Stats) map[string]int64 {
	return map[string]int64{
		"reads": s.Reads, "failed": s.Failed, "invalid": s.Rejected[tenant.Invalid], "older": s.Rejected[tenant.OlderRevision],
		"missing": s.Rejected[tenant.Missing], "vanished": s.Rejected[tenant.Vanished], "emptied": s.Rejected[tenant.Emptied],
		"conflicts": s.Rejected[tenant.HostConflict], "created": s.Created, "updated": s.Updated, "deleted": s.Deleted,
		"integrity": s.Integrity, "expired": s.Expired, "changes": s.Changes, "sessions": s.Sessions, "resyncs": s.Resyncs,
		"stuck": s.Stuck, "verdicts": s.Verdicts,
	}
}

// held compares why the store does not count.
func (w *world) held(want trust.Verdict) {
	w.t.Helper()
	if got := w.m.Status().Verdict; got != want {
		w.t.Errorf("the store does not count for %q, want %q", got, want)
	}
}

// signed gives the store a name, as the first write of ours does.
func (w *world) signed() { w.SetEpoch("e") }

// rejected compares what is not in force, as "id why" for each, in order and with commas between.
func (w *world) rejected(want string) {
	w.t.Helper()
	var got []string
	for _, r := range w.m.Survey().Rejected {
		got = append(got, r.ID+" "+string(r.Why))
	}
	if strings.Join(got, ", ") != want {
		w.t.Errorf("rejected are %v, want %q", got, want)
	}
}

// owner is the id of the tenant of a host.
func (w *world) owner(host string) string {
	v := w.look(host)
	return v.ID()
}

// together has the changes that write makes read at once, as those of one transaction are.
func (w *world) together(write func()) {
	w.deaf.Store(true)
	step(time.Second)
	write()
	w.deaf.Store(false)
	step(time.Second)
}
