package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/corsgate/corsgate/internal/redistest"
)

// TestTenantScripts runs the command lines of testdata/tenant, each script with a redis-server of its own,
// which CORSGATE_REDIS names. Beyond the usual commands there are
//
//	many FILE N [BROKEN]    writes N documents, of which one may be broken
//	dump FILE               writes everything that Redis holds
//	redis COMMAND ARGS...   speaks to Redis past corsgate
func TestTenantScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/tenant/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, redistest.Options{})
			testscript.Run(t, testscript.Params{
				Files:               []string{script},
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
				Setup: func(e *testscript.Env) error {
					e.Setenv("CORSGATE_REDIS", server.URL())
					e.Setenv("CORSGATE_BY", "ana@desk")
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"many": many,
					"dump": func(ts *testscript.TestScript, _ bool, args []string) {
						text, err := dump(t.Context(), server.Admin())
						ts.Check(err)
						ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
					},
					"redis": func(_ *testscript.TestScript, _ bool, args []string) {
						words := make([]any, len(args))
						for i := range args {
							words[i] = args[i]
						}
						server.Do(words...)
					},
				},
			})
		})
	}
}

func many(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		id := fmt.Sprintf("t%05d", i)
		origin := "https://app." + id + ".example"
		if len(args) > 2 && args[2] == id {
			origin = strings.ToUpper(origin)
		}
		fmt.Fprintf(&b, "---\nid: %s\nhosts: [%s.example]\npolicy: {origins: [%q]}\n", id, id, origin)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// dump is all keys with their values and ends, sorted.
func dump(ctx context.Context, admin *redis.Client) (string, error) {
	keys, err := admin.Keys(ctx, "*").Result()
	if err != nil {
		return "", err
	}
	slices.Sort(keys)
	values, ends := make([]*redis.StringCmd, len(keys)), make([]*redis.DurationCmd, len(keys))
	_, err = admin.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			values[i], ends[i] = p.Dump(ctx, key), p.PExpireTime(ctx, key)
		}
		return nil
	})
	if err != nil && len(keys) > 0 {
		return "", err
	}
	var b strings.Builder
	for i, key := range keys {
		fmt.Fprintf(&b, "%q %q %s\n", key, values[i].Val(), ends[i].Val())
	}
	return fmt.Sprintf("%d keys\n%s", len(keys), b.String()), nil
}
