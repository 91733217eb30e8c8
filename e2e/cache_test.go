package e2e_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
)

// TestUndecidedIsNotCached shows rows F30 and F31 of docs/faults.md, with nginx as a shared cache in front of Envoy: a
// response that nobody decided on is not served to the next page, once corsgate is back.
func TestUndecidedIsNotCached(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		design  envoy.Design
		stopped bool // by SIGSTOP, so that Envoy's time-out decides; or else overloaded
		control bool // without what keeps the response out of caches
	}{
		{name: "F30 time-out in A", design: envoy.TwoCallbacks, stopped: true},
		{name: "F30 time-out in B", design: envoy.ResponseOnly, stopped: true},
		{name: "F30 time-out in C", design: envoy.Metadata, stopped: true},
		{name: "F30 control in C", design: envoy.Metadata, stopped: true, control: true},
		{name: "F30 control in A", design: envoy.TwoCallbacks, stopped: true, control: true},
		{name: "F31 overload in A", design: envoy.TwoCallbacks},
		{name: "F31 overload in B", design: envoy.ResponseOnly},
		{name: "F31 overload in C", design: envoy.Metadata},
		{name: "F31 control in C", design: envoy.Metadata, control: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := behind(t, "--tenants", tenantsFile(t, acme), "--max-streams", strconv.Itoa(room))
			o := envoy.DefaultOptions(tc.design)
			o.Upstream, o.Processors = e.app.Addr, []string{e.processor.Addr}
			o.FailOpen = tc.design != envoy.Metadata
			o.MessageTimeout = patientTimeout
			var edit func(*bootstrapv3.Bootstrap)
			if tc.control {
				edit = func(b *bootstrapv3.Bootstrap) { cacheable(t, b) }
			}
			e.Envoy = harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Edit: edit})
			e.AwaitProcessors(t, 1)
			cache := sharedCache(t, e.Addr)

			var release func()
			if tc.stopped {
				e.processor.Signal(t, syscall.SIGSTOP)
				release = func() { e.processor.Signal(t, syscall.SIGCONT) }
			} else {
				var held []func()
				for range room {
					held = append(held, holdStream(t, e.processor.Addr))
				}
				release = func() {
					for _, end := range held {
						end()
					}
				}
			}
			got := askCache(t, cache)
			if got.Status != 200 || got.Get("access-control-allow-origin") == listed {
				t.Fatalf("undecided: status %d, headers %v", got.Status, got.CORS())
			}
			release()
			harness.Eventually(t, "corsgate to decide again", func() error {
				if got := e.ask(t, "GET", "/other", [2]string{"origin", listed}, public()); got.Get("access-control-allow-origin") != listed {
					return fmt.Errorf("headers %v", got.CORS())
				}
				return nil
			})
			got = askCache(t, cache)
			stale := got.Get("access-control-allow-origin") != listed
			if stale != tc.control || stale != (got.Get("x-cache") == "HIT") {
				t.Errorf("afterwards: x-cache %q, headers %v", got.Get("x-cache"), got.CORS())
			}
			again := askCache(t, cache)
			if again.Get("x-cache") != "HIT" {
				t.Errorf("what is decided is not cached: x-cache %q, cache-control %q", again.Get("x-cache"), again.Get("cache-control"))
			}
		})
	}
}

// room is how many streams the processor takes: more than the few that are just ending when the next one begins.
const room = 16

// public is an application's response that every cache may keep, and that says so in three more ways.
func public() [2]string {
	return answer(200, [2]string{"Cache-Control", "public, max-age=600"}, [2]string{"X-Accel-Expires", "600"},
		[2]string{"CDN-Cache-Control", "max-age=600"}, [2]string{"Surrogate-Control", "max-age=600"})
}

// sharedCache starts a cache before the Envoy at addr.
func sharedCache(t *testing.T, addr string) *harness.NGINX {
	t.Helper()
	return harness.StartNGINX(t, `    location / {
      proxy_pass http://`+addr+`;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_cache `+harness.NGINXCache+`;
      proxy_cache_key $host$uri;
      add_header x-cache $upstream_cache_status always;
    }`)
}

func askCache(t *testing.T, cache *harness.NGINX) *harness.Response {
	t.Helper()
	return harness.Exchange(t, cache.Addr, harness.Request("GET", "/page", host, [2]string{"origin", listed}, public()))
}

// cacheable takes the note away that an undecided response is not to be stored.
func cacheable(t *testing.T, b *bootstrapv3.Bootstrap) {
	t.Helper()
	text, err := protojson.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"no-store"`) {
		t.Fatal("nothing says no-store")
	}
	text = bytes.ReplaceAll(text, []byte(`"no-store"`), []byte(`""`))
	b.Reset()
	if err := protojson.Unmarshal(text, b); err != nil {
		t.Fatal(err)
	}
}
