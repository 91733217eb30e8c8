package redisstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
)

// historyBatch is how many histories are asked in one round trip; of some the newest document comes.
const historyBatch = 100

// found is what an attempt has read of the registry, whose keys it watches.
type found struct {
	now time.Time
	// values, stored and last are what the keys of the edits hold, the same read, and the newest revision
	// in the histories of those that hold no revision.
	values []value
	stored []storedTenant
	last   []int64
	// owners has who the hosts of old and new documents belong to, and holders the documents of owners that
	// are not edited.
	owners  map[string]string
	holders map[string]storedTenant
}

// find reads all that the edits are about.
func (a *application) find(ctx context.Context, tx *transaction) (*found, error) {
	documents := make([]string, len(a.edits))
	for i, e := range a.edits {
		documents[i] = tx.store.tenantKey(e.ID)
	}
	hosts := slices.Collect(maps.Keys(a.claims))
	f := &found{}
	var err error
	if f.now, err = tx.begin(ctx, slices.Concat(documents, tx.hostKeys(hosts))); err != nil {
		return nil, err
	}
	if f.values, err = tx.values(ctx, documents, maxDocumentBytes, documentBatch); err != nil {
		return nil, fmt.Errorf("reading the stored documents: %w", err)
	}
	f.stored = make([]storedTenant, len(a.edits))
	for i, e := range a.edits {
		f.stored[i] = parseStored(e.ID, f.values[i])
	}
	if err := a.findRevisions(ctx, tx, f); err != nil {
		return nil, fmt.Errorf("reading histories: %w", err)
	}
	if err := a.findOwners(ctx, tx, f, hosts); err != nil {
		return nil, fmt.Errorf("reading the owners of hosts: %w", err)
	}
	if err := a.findHolders(ctx, tx, f); err != nil {
		return nil, fmt.Errorf("reading the documents of the owners of hosts: %w", err)
	}
	return f, nil
}

// findRevisions looks for revisions that no document says: those of tombstones that are gone, and of
// documents by writers that do not count. Of the other histories it only looks whether they are streams.
func (a *application) findRevisions(ctx context.Context, tx *transaction, f *found) error {
	f.last = make([]int64, len(a.edits))
	for begin := 0; begin < len(a.edits); begin += historyBatch {
		edits := a.edits[begin:min(begin+historyBatch, len(a.edits))]
		replies := make([]*redis.XMessageSliceCmd, len(edits))
		err := tx.pipeline(ctx, func(p redis.Pipeliner) {
			for i, e := range edits {
				if key := tx.store.historyKey(e.ID); f.stored[begin+i].revision == 0 {
					replies[i] = p.XRevRangeN(ctx, key, "+", "-", 1)
				} else {
					replies[i] = p.XRange(ctx, key, noPosition, noPosition)
				}
			}
		})
		if err != nil {
			return err
		}
		for i, reply := range replies {
			messages, err := reply.Result()
			if err != nil {
				return fmt.Errorf("of tenant %s: %w", edits[i].ID, err)
			}
			for _, m := range messages {
				f.last[begin+i] = revisionNumber(m)
			}
		}
	}
	return nil
}

// findOwners reads who the hosts of old and new documents belong to; those of the new ones are watched.
func (a *application) findOwners(ctx context.Context, tx *transaction, f *found, hosts []string) error {
	known := len(hosts)
	for _, t := range f.stored {
		for _, host := range t.hosts {
			if _, ok := a.claims[host]; !ok {
				hosts = append(hosts, host)
			}
		}
	}
	keys := tx.hostKeys(hosts)
	if err := tx.watch(ctx, keys[known:]); err != nil {
		return err
	}
	values, err := tx.values(ctx, keys, maxWordBytes, hostBatch)
	if err != nil {
		return err
	}
	f.owners = make(map[string]string, len(hosts))
	for i, v := range values {
		// What is no id owns nothing.
		if owner := string(v.data); tenant.ValidID(owner) {
			f.owners[hosts[i]] = owner
		}
	}
	return nil
}

// findHolders reads the documents of those who are not edited and own hosts that are claimed.
func (a *application) findHolders(ctx context.Context, tx *transaction, f *found) error {
	f.holders = make(map[string]storedTenant)
	for host := range a.claims {
		if owner := f.owners[host]; owner != "" {
			f.holders[owner] = storedTenant{}
		}
	}
	for _, e := range a.edits {
		delete(f.holders, e.ID)
	}
	ids := slices.Collect(maps.Keys(f.holders))
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = tx.store.tenantKey(id)
	}
	if err := tx.watch(ctx, keys); err != nil {
		return err
	}
	values, err := tx.values(ctx, keys, maxDocumentBytes, documentBatch)
	if err != nil {
		return err
	}
	for i, v := range values {
		f.holders[ids[i]] = parseStored(ids[i], v)
	}
	return nil
}
