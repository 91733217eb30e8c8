package tenant_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/tenanttest"
)

// wide is a view of a tenant with n entries, and the origin of entry i.
func wide(t testing.TB, n int) (view tenant.View, origin func(i int) string) {
	t.Helper()
	origin = func(i int) string { return fmt.Sprintf("https://o%d.example", i) }
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%q", origin(i)))
	}
	text := `{"id":"a","hosts":["a.example"],"policy":{"origins":[` + strings.Join(list, ",") + `]}}`
	return tenanttest.New(t, text).Lookup(t.Context(), tenant.Key{Authority: "a.example"}), origin
}

func actualOf(origin string, now int64) policy.Request {
	return policy.Request{Method: "GET", Authority: "a.example", Origin: origin, Now: now}
}

// TestUsesAreToldOnceADay compares Uses with a map.
func TestUsesAreToldOnceADay(t *testing.T) {
	const entries = 200
	view, origin := wide(t, entries)
	seen := make(map[string]bool)
	today := int64(0)
	told := ""
	room := true
	on := func(id, entry string, day int64) bool {
		told = fmt.Sprint(id, " ", entry, " ", day)
		return room
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		i, now := random.IntN(entries+5), today*86400+random.Int64N(86400)
		if random.IntN(2000) == 0 {
			today++
			clear(seen)
			continue
		}
		late := today > 0 && random.IntN(50) == 0 && len(seen) > 0
		if late {
			now -= 86400
		}
		room = random.IntN(10) > 0
		r := actualOf(origin(i), now)
		res := view.Decide(&r, 0)
		told = ""
		view.Use(&res, now, on)
		want := ""
		if i < entries && !seen[origin(i)] && !late {
			want = fmt.Sprint("a ", origin(i), " ", today)
			seen[origin(i)] = room
		}
		if told != want {
			t.Fatalf("day %d, %s: told %q, want %q", today, origin(i), told, want)
		}
	}
}

func TestUsesOfManyGoroutines(t *testing.T) {
	const entries, days, goroutines = 130, 20, 8
	view, origin := wide(t, entries)
	var mu sync.Mutex
	told := make(map[string]int)
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for day := range int64(days) {
				for i := range entries {
					r := actualOf(origin((i+g*17)%entries), day*86400)
					res := view.Decide(&r, 0)
					view.Use(&res, r.Now, func(_, entry string, day int64) bool {
						mu.Lock()
						defer mu.Unlock()
						told[fmt.Sprint(entry, day)]++
						return true
					})
				}
			}
		})
	}
	all.Wait()
	// A day that is over for one goroutine is so for all: of the last one nothing may be missing.
	for i := range entries {
		if n := told[fmt.Sprint(origin(i), days-1)]; n != 1 {
			t.Errorf("%s was told %d times on the last day, want once", origin(i), n)
		}
	}
}

func TestWhatIsNoUse(t *testing.T) {
	registry := tenanttest.New(t, doc("a", "a.example", `routes: [{path_prefix: /p, policy: {origins: ["*"]}}]`), doc("s", "s.example", "mode: SHADOW"),
		doc("o", "o.example", "mode: OFF"), doc("c", "c.example", `candidate: {percent: 100, policy: {origins: ["https://new.origin"]}}`))
	cases := []struct {
		name, host, path string
		request          policy.Request
		want             string
	}{
		{"allowed", "a.example", "/", policy.Request{Method: "GET", Origin: "https://a.origin"}, "https://a.origin"},
		{"a preflight", "a.example", "/", policy.Request{Method: "OPTIONS", Origin: "https://a.origin", RequestMethod: "POST"}, "https://a.origin"},
		{"another route, public", "a.example", "/p/x", policy.Request{Method: "GET", Origin: "https://any.origin"}, "*"},
		{"only watched", "s.example", "/", policy.Request{Method: "GET", Origin: "https://s.origin"}, "https://s.origin"},
		{"by the candidate", "c.example", "/", policy.Request{Method: "GET", Origin: "https://new.origin"}, "https://new.origin"},
		{"a method that is not listed", "a.example", "/", policy.Request{Method: "OPTIONS", Origin: "https://a.origin", RequestMethod: "PUT"}, ""},
		{"another origin", "a.example", "/", policy.Request{Method: "GET", Origin: "https://b.origin"}, ""},
		{"no origin", "a.example", "/", policy.Request{Method: "GET"}, ""},
		{"no policy", "o.example", "/", policy.Request{Method: "GET", Origin: "https://o.origin"}, ""},
		{"nobody", "n.example", "/", policy.Request{Method: "GET", Origin: "https://o.origin"}, ""},
	}
	for day, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			view := registry.Lookup(t.Context(), tenant.Key{Authority: c.host, Path: c.path})
			c.request.Authority = c.host
			res := view.Decide(&c.request, 0)
			got := ""
			view.Use(&res, int64(day)*86400, func(_, entry string, _ int64) bool { got = entry; return true })
			if got != c.want {
				t.Errorf("told of %q, want %q", got, c.want)
			}
		})
	}
}

func TestUsesCostNothing(t *testing.T) {
	view, origin := wide(t, 20)
	r := actualOf(origin(3), 0)
	on := func(string, string, int64) bool { return true }
	res := view.Decide(&r, 0)
	view.Use(&res, 0, on)
	if n := testing.AllocsPerRun(100, func() { view.Use(&res, 0, on) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkUse(b *testing.B) {
	view, origin := wide(b, 20)
	r := actualOf(origin(3), 0)
	res := view.Decide(&r, 0)
	b.ReportAllocs()
	for b.Loop() {
		view.Use(&res, 0, func(string, string, int64) bool { return true })
	}
}
