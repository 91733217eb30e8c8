package redisstore_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestUsesByTheirAccounts(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	recorder := open(t, server, account(server, "recorder", redisstore.RecorderRules(prefix)))
	reader := open(t, server, account(server, "reader", redisstore.ReaderRules(prefix)))
	ctx := t.Context()
	const first = store.Day(20_000)
	var uses []store.Use
	var entries []string
	for i := range 1200 { // more than one round trip
		entries = append(entries, fmt.Sprintf("https://o%d.example", i))
		uses = append(uses, store.Use{Tenant: "acme", Entry: entries[i], Day: first + store.Day(i%3)})
	}
	uses = append(uses, store.Use{Tenant: "globex", Entry: "*", Day: first}, store.Use{Tenant: "no id", Entry: "*", Day: first})
	before := slices.Clone(uses)
	if err := recorder.RecordUses(ctx, first, uses); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, uses) {
		t.Error("what was given was changed")
	}
	if err := recorder.RecordUses(ctx, first+2, []store.Use{{Tenant: "globex", Entry: "*", Day: first + 2}}); err != nil {
		t.Fatal(err)
	}
	lists, err := reader.Uses(ctx, []store.Entries{
		{Tenant: "globex", Entries: []string{"*"}},
		{Tenant: "nobody"},
		{Tenant: "acme", Entries: append([]string{"https://never.example"}, entries...)},
		{Tenant: "nobody", Entries: []string{"*", "x"}},
	})
	if err != nil || len(lists) != 4 || len(lists[1]) != 0 || len(lists[2]) != 1201 || lists[2][0] != 0 {
		t.Fatalf("%v, %v", lists, err)
	}
	if !slices.Equal(lists[0], []store.Day{first + 2}) || !slices.Equal(lists[3], []store.Day{0, 0}) {
		t.Errorf("of globex and nobody: %v, %v", lists[0], lists[3])
	}
	days := lists[2]
	for i, day := range days[1:] {
		if day != first+store.Day(i%3) {
			t.Fatalf("entry %d was last used on %s", i, day)
		}
	}
	recorded, err := reader.RecordedDays(ctx, []store.Day{first - 1, first, first + 1, first + 2})
	if err != nil || !slices.Equal(recorded, []bool{false, true, false, true}) {
		t.Errorf("recorded on %v, %v", recorded, err)
	}
	if ttl, _ := server.Do("TTL", prefix+"used:acme").(int64); ttl < 399*86400 {
		t.Errorf("the uses of a tenant end in %d seconds", ttl)
	}
	nothingDenied(t, server)
}

func TestUsesAmongForeignKeys(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, func(*redisstore.Options) {})
	server.Do("SET", prefix+"used:odd", "x")
	server.Do("HSET", prefix+"used:acme", "https://a.example", "yesterday", "https://b.example", strings.Repeat("9", 10_000))
	uses := []store.Use{{Tenant: "acme", Entry: "https://c.example", Day: 20_000}, {Tenant: "odd", Entry: "*", Day: 20_000}, {Tenant: "zeta", Entry: "*", Day: 20_000}}
	if err := s.RecordUses(t.Context(), 20_000, uses); err != nil {
		t.Errorf("a key of somebody else: %v", err)
	}
	got, err := s.Uses(t.Context(), []store.Entries{
		{Tenant: "acme", Entries: []string{"https://a.example", "https://b.example", "https://c.example"}},
		{Tenant: "odd", Entries: []string{"*"}},
		{Tenant: "zeta", Entries: []string{"*"}},
	})
	if want := [][]store.Day{{0, 0, 20_000}, {0}, {20_000}}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestUsesThatMayNotBeWrittenFail(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := open(t, server, account(server, "reader", redisstore.ReaderRules(prefix)))
	if err := s.RecordUses(t.Context(), 20_000, nil); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("the account that reads may record: %v", err)
	}
}

func TestRecorderRulesForbid(t *testing.T) {
	server := redistest.Start(t, redistest.Options{ACL: []string{"user default off"}})
	account(server, "recorder", redisstore.RecorderRules(prefix))
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "recorder", Password: "recorder-word", DisableIdentity: true, Protocol: 2})
	defer client.Close()
	for _, command := range [][]any{
		{"HSET", prefix + "meta", "epoch", "x"},
		{"HSET", prefix + "tenant:acme", "a", "b"},
		{"EXPIRE", prefix + "tenant:acme", "1"},
		{"HGETALL", prefix + "used:acme"},
		{"HMGET", prefix + "used:acme", "*"},
		{"GETRANGE", prefix + "tenant:acme", "0", "1"},
		{"SET", prefix + "used:acme", "x"},
		{"DEL", prefix + "used:acme"},
		{"SCAN", "0"},
		{"XADD", prefix + "changes", "*", "a", "b"},
		{"EVAL", "return 1", "0"},
		{"FLUSHALL"},
	} {
		if err := client.Do(t.Context(), command...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("the recorder may %v: %v", command, err)
		}
	}
}

// The page has the rules as they are here.
func TestRulesAreInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string]string{
		"reader": redisstore.ReaderRules(prefix), "writer": redisstore.WriterRules(prefix), "recorder": redisstore.RecorderRules(prefix),
	} {
		if line := "ACL SETUSER " + name + " on >… " + rules + "\n"; !strings.Contains(string(page), line) {
			t.Errorf("docs/redis.md lacks %s", line)
		}
	}
}
