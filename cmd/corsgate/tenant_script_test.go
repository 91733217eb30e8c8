package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/internal/redistest"
)

// TestTenantScripts runs the command lines of testdata/tenant, each script with a redis-server of its own,
// which CORSGATE_REDIS names. Beyond the usual commands there are
//
//	many FILE N [BROKEN]    writes N documents, of which one may be broken
//	dump FILE               writes everything that Redis holds
//	redis COMMAND ARGS...   speaks to Redis past corsgate
//	recorded N              uses were recorded today and on the N days before
//	used TENANT ENTRY N     the entry was last used N days ago
//	stored TENANT N         the tenant's document was last written N days ago
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
					e.Setenv("GORACE", endAtOnce)
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
					"recorded": func(ts *testscript.TestScript, _ bool, args []string) {
						n, err := strconv.Atoi(args[0])
						ts.Check(err)
						for i := range n + 1 {
							server.Do("HSET", config.DefaultRedisPrefix+"used:", daysAgo(i), "1")
						}
					},
					"used": func(ts *testscript.TestScript, _ bool, args []string) {
						n, err := strconv.Atoi(args[2])
						ts.Check(err)
						server.Do("HSET", config.DefaultRedisPrefix+"used:"+args[0], args[1], daysAgo(n))
					},
					"stored": func(ts *testscript.TestScript, _ bool, args []string) {
						n, err := strconv.Atoi(args[1])
						ts.Check(err)
						key := config.DefaultRedisPrefix + "tenant:" + args[0]
						text, _ := server.Do("GET", key).(string)
						day := regexp.MustCompile(`"updated_at":"[0-9-]+`)
						server.Do("SET", key, day.ReplaceAllString(text, `"updated_at":"`+daysAgo(n)))
					},
				},
			})
		})
	}
}

// daysAgo is a day by UTC.
func daysAgo(n int) string { return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly) }

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
