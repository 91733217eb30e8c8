package redisstore_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

// The recipe of docs/redis.md for programs of others does what a writer of ours does, with the rights of one.
func TestRecipeForOtherPrograms(t *testing.T) {
	read, write := recipe(t)
	server := redistest.Start(t, redistest.Options{})
	ours := patient(t, server)
	account(server, "writer", redisstore.WriterRules(prefix))
	theirs := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "writer", Password: "writer-word", DisableIdentity: true, Protocol: 2}).Conn()
	defer theirs.Close()
	run := func(commands [][]any) (last any) {
		t.Helper()
		for _, c := range commands {
			var err error
			if last, err = theirs.Do(t.Context(), c...).Result(); err != nil && !errors.Is(err, redis.Nil) {
				t.Fatalf("%v: %v", c, err)
			}
		}
		return last
	}
	applied(t, ours, put(0, "acme", "api.acme.example"))
	run(read)
	applied(t, ours, put(1, "acme", "api.acme.example"))
	if got := run(write); got != nil {
		t.Errorf("behind another change the transaction gives %v", got)
	}
	if got := base(t, ours, "acme"); got != 2 {
		t.Errorf("revision %d is stored, want that of the quicker writer", got)
	}

	server.Do("FLUSHALL")
	applied(t, ours, put(0, "acme", "api.acme.example"))
	run(read)
	if got := run(write); got == nil {
		t.Fatal("the transaction was not carried out")
	}
	docs, err := ours.Documents(t.Context(), []string{"acme"})
	if err != nil {
		t.Fatal(err)
	}
	parsed := document.ParseStored("acme", docs.All[0].Data)
	if len(parsed.Problems) > 0 || parsed.Record.Revision() != 2 || !slices.Equal(parsed.Record.Hosts(), []string{"api.acme.example"}) {
		t.Errorf("the document has revision %d, the hosts %q and %v", parsed.Record.Revision(), parsed.Record.Hosts(), parsed.Problems)
	}
	history, err := ours.History(t.Context(), "acme", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Revision{At: history[0].At, Number: 2, Kind: store.KindApply, By: "billing", Reason: "new address", Data: docs.All[0].Data}
	if diff := cmp.Diff(want, history[0]); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	changes, err := ours.Changes(t.Context(), store.Position{}, 10, 0)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%+v, %v", changes, err)
	}
	if want := (store.Change{At: changes[1].At, Tenant: "acme", Revision: 2, Kind: store.KindApply}); changes[1] != want {
		t.Errorf("the change is %+v, want %+v", changes[1], want)
	}
	// Ours goes on from there, and gives nobody else the host.
	refusedAs(t, ours, []string{"tenant b: host api.acme.example belongs to tenant acme"}, put(0, "b", "api.acme.example"))
	if got := applied(t, ours, put(2, "acme")); got[0] != 3 {
		t.Errorf("the next revision is %d", got[0])
	}
	nothingDenied(t, server)
}

// recipe is the two blocks of commands.
func recipe(t *testing.T) (read, write [][]any) {
	t.Helper()
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```redis\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/redis.md has %d blocks of commands, want one that reads and one that writes", len(blocks))
	}
	return commands(blocks[0][1]), commands(blocks[1][1])
}

// commands splits lines as redis-cli does.
func commands(text string) (all [][]any) {
	word := regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	for line := range strings.Lines(text) {
		var command []any
		for _, w := range word.FindAllString(line, -1) {
			if quote := w[0]; quote == '\'' || quote == '"' {
				w = w[1 : len(w)-1]
			}
			command = append(command, w)
		}
		all = append(all, command)
	}
	return all
}
