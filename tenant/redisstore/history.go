package redisstore

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// Names of fields in the history of a tenant, besides those of a change.
	fieldDocument = "document"
	fieldBy       = "by"
	fieldReason   = "reason"

	// historyPage is how many revisions are read at once: at most 1 MiB each, if they are ours.
	historyPage = 10
	// maxRevisions is the most that one call returns, many times what is kept.
	maxRevisions = 1000
	// maxUnixMilli is the end of the year 9999, after which times have no text that others read.
	maxUnixMilli = 253_402_300_799_999
)

// History implements [store.Writer]. Entries that are no revisions, from other programs, are left
// out, and of texts what cannot be printed. The call is bounded as that of [Store.Apply].
func (s *Store) History(ctx context.Context, id string, limit int) ([]store.Revision, error) {
	const doing = "reading a history"
	if !tenant.ValidID(id) {
		return nil, fmt.Errorf("%s: %.80q cannot be the id of a tenant", doing, id)
	}
	limit = min(limit, maxRevisions)
	var revisions []store.Revision
	err := s.session(ctx, doing, func(ctx context.Context, c *session) error {
		for newest := "+"; len(revisions) < limit; {
			if err := ctx.Err(); err != nil {
				return err
			}
			messages, err := c.rdb.XRevRangeN(ctx, s.historyKey(id), newest, "-", historyPage).Result()
			if err != nil {
				return fmt.Errorf("tenant %s: %w", id, err)
			}
			for _, m := range messages {
				if r, ok := parseRevision(m); ok && len(revisions) < limit {
					revisions = append(revisions, r)
				}
			}
			if len(messages) < historyPage {
				return nil
			}
			newest = "(" + messages[len(messages)-1].ID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return revisions, nil
}

// parseRevision reads an entry of a history.
func parseRevision(m redis.XMessage) (store.Revision, bool) {
	at, err := parsePosition(m.ID)
	document, _ := m.Values[fieldDocument].(string)
	number := revisionNumber(m)
	if err != nil || number == 0 || document == "" || len(document) > maxDocumentBytes {
		return store.Revision{}, false
	}
	return store.Revision{
		At:     time.UnixMilli(int64(min(at.Time, maxUnixMilli))).UTC(),
		Number: number,
		Kind:   printable(m.Values[fieldKind], maxWordBytes),
		By:     printable(m.Values[fieldBy], store.MaxBy),
		Reason: printable(m.Values[fieldReason], store.MaxReason),
		Data:   []byte(document),
	}, true
}

// printable is a text without what cannot be printed, of at most some characters.
func printable(value any, most int) string {
	text, _ := value.(string)
	runes := 0
	return strings.Map(func(r rune) rune {
		if runes++; runes > most || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
