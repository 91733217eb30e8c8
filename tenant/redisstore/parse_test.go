package redisstore

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestParseChangeNeedsAPosition(t *testing.T) {
	for _, id := range []string{"", "-", "x-1", "1-x", "1-2-3", "99999999999999999999-0", strings.Repeat("1", 1000)} {
		if c, err := parseChange(redis.XMessage{ID: id}); err == nil {
			t.Errorf("%.50q: %+v", id, c)
		}
	}
	got, err := parseChange(redis.XMessage{ID: "5-1", Values: map[string]any{"tenant": 7, "revision": "3"}})
	if want := (store.Change{At: store.Position{Time: 5, Sequence: 1}, Revision: 3}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// Whatever fields a server gives, a head has only what may be compared and shown.
func FuzzParseHead(f *testing.F) {
	f.Add("e1", "1", "c1", "1-0", "5-0", "0-0")
	f.Add("", "", "", "", "0-0", "")
	f.Add("\x00", "-1", "é", "x", "-", "1-2-3")
	f.Fuzz(func(t *testing.T, epoch, schema, confirmed, first, last, deleted string) {
		var head store.Head
		err := errors.Join(
			parseMeta(&head, []any{epoch, schema, confirmed}),
			parseStream(&head, &redis.XInfoStream{FirstEntry: redis.XMessage{ID: first}, LastGeneratedID: last, MaxDeletedEntryID: deleted}),
		)
		for _, token := range []string{head.Epoch, head.Confirmed} {
			if len(token) > maxTokenBytes || strings.ContainsAny(token, " \n\r\x00\x7f") || !utf8.ValidString(token) {
				t.Errorf("token %q", token)
			}
		}
		if head.Schema < 0 || head.Schema > maxSchema {
			t.Errorf("schema %d", head.Schema)
		}
		if err == nil && !head.First.IsZero() && !head.Trimmed.IsZero() && head.Trimmed.Before(head.First) {
			t.Errorf("the newest change that is gone, %v, is older than the first that is there, %v; Redis cannot know", head.Trimmed, head.First)
		}
	})
}

// Whatever bytes come instead of replies, calls end, with an error or with what a store may say.
func FuzzReplies(f *testing.F) {
	const head = "*3\r\n$1\r\ne\r\n$1\r\n1\r\n$-1\r\n-ERR no such key\r\n"
	f.Add([]byte(head + "$2\r\n{}\r\n$0\r\n\r\n:1\r\n"))
	f.Add([]byte(head + "-WRONGTYPE x\r\n$0\r\n\r\n:2\r\n:1\r\n$0\r\n\r\n"))
	f.Add([]byte("*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$6\r\ntenant\r\n$1\r\na\r\n"))
	f.Add([]byte("*2\r\n$1\r\n0\r\n*1\r\n$19\r\n{corsgate}:tenant:a\r\n"))
	f.Add([]byte("-LOADING x\r\n:1\r\n+x\r\n*-1\r\n"))
	f.Fuzz(func(t *testing.T, replies []byte) {
		if announcesMuch(replies) {
			t.Skip("the library would make room for it")
		}
		for _, f := range []func(context.Context, *Store) error{readDocuments, listIDs, followChanges} {
			client, server := net.Pipe()
			go answer(server, replies)
			s := &Store{secrets: &secrets{}, opt: Options{Addresses: []string{"a:1"}}}
			if err := s.opt.complete(); err != nil {
				t.Fatal(err)
			}
			s.hook = newHook(s.opt, func(ErrorType) {})
			settings := s.settings(newConnections(s.opt, longString), "", 1)
			settings.Dialer = func(context.Context, string, string) (net.Conn, error) {
				return &connection{Conn: client, raw: client, owner: newConnections(s.opt, longString), replies: newReplies(client, longString)}, nil
			}
			s.rdb = newClient(settings, "tcp")
			s.rdb.AddHook(rescuer{})
			s.follower = &follower{rdb: s.rdb, conns: newConnections(s.opt, longString), turn: make(chan struct{}, 1)}
			if err := f(t.Context(), s); err != nil {
				t.Error(err)
			}
			_ = s.rdb.Close()
			_ = client.Close()
		}
	})
}

// announcesMuch reports whether there is a long number that is not the length of a string or array. One that
// comes instead of an array would be taken for its length.
func announcesMuch(replies []byte) bool { return longNumber.Match(replies) }

var longNumber = regexp.MustCompile(`[:,+(_#-][0-9-]{7}`)

// answer greets, and then has only the given replies, whatever it is asked.
func answer(conn net.Conn, replies []byte) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	if _, err := r.ReadString('\n'); err != nil {
		return
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if _, err := io.WriteString(conn, "*0\r\n"); err != nil {
		return
	}
	_, _ = conn.Write(replies)
}

// readDocuments returns what no reply may lead to.
func readDocuments(ctx context.Context, s *Store) error {
	docs, _ := s.Documents(ctx, []string{"a", "b"})
	for _, d := range docs.All {
		if d.Err != nil && d.Data != nil || len(d.Data) > maxDocumentBytes {
			return errors.New("a document that may not be")
		}
	}
	return nil
}

func listIDs(ctx context.Context, s *Store) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wrong error
	_ = s.IDs(ctx, func(page []string) error {
		for _, id := range page {
			if !tenant.ValidID(id) {
				wrong = errors.New("an id that is none: " + id)
			}
		}
		return nil
	})
	return wrong
}

func followChanges(ctx context.Context, s *Store) error {
	changes, _ := s.Changes(ctx, store.Position{}, 10, 1)
	for _, c := range changes {
		if len(c.Tenant) > maxWordBytes || len(c.Kind) > maxWordBytes || c.Revision < 0 {
			return errors.New("a change that may not be")
		}
	}
	return nil
}
