package redisstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// useBatch is how many uses, or days, are sent or read in one round trip.
	useBatch = 500
	// usesKept is how long the uses of a tenant are kept after the last one.
	usesKept = 400 * 24 * time.Hour
)

// usedKey is a hash: entry → day of its last use. That of no tenant has a field for each day on
// which uses were recorded.
func (s *Store) usedKey(id string) string { return s.opt.Prefix + "used:" + id }

// RecordUses implements [store.UseWriter]. What another program made of a key is left alone.
func (s *Store) RecordUses(ctx context.Context, today store.Day, uses []store.Use) error {
	err := s.record(ctx, func(p redis.Pipeliner) {
		p.HSet(ctx, s.usedKey(""), today.String(), "1")
	})
	uses = slices.DeleteFunc(slices.Clone(uses), func(u store.Use) bool { return !tenant.ValidID(u.Tenant) })
	slices.SortFunc(uses, func(a, b store.Use) int { return strings.Compare(a.Tenant, b.Tenant) })
	for some := range slices.Chunk(uses, useBatch) {
		if err != nil {
			break
		}
		err = s.record(ctx, func(p redis.Pipeliner) { s.addUses(ctx, p, some) })
	}
	if err != nil {
		return s.fail(ctx, "recording uses of entries", err)
	}
	return nil
}

// addUses adds the commands for uses that are sorted by tenant.
func (s *Store) addUses(ctx context.Context, p redis.Pipeliner, uses []store.Use) {
	for len(uses) > 0 {
		id := uses[0].Tenant
		var fields []any
		for len(uses) > 0 && uses[0].Tenant == id {
			fields = append(fields, uses[0].Entry, uses[0].Day.String())
			uses = uses[1:]
		}
		p.HSet(ctx, s.usedKey(id), fields...)
		p.Expire(ctx, s.usedKey(id), usesKept)
	}
}

// record makes one round trip. The error is the first of a command.
func (s *Store) record(ctx context.Context, fill func(redis.Pipeliner)) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	cmds, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	if err == nil {
		return nil
	}
	wrong := false
	for _, cmd := range cmds {
		switch classify(ctx, cmd.Err()) {
		case "":
		case ErrorWrongType:
			wrong = true
		default:
			return cmd.Err()
		}
	}
	if wrong {
		return nil
	}
	return err
}

// Uses implements [store.UseReader].
func (s *Store) Uses(ctx context.Context, lists []store.Entries) ([][]store.Day, error) {
	all := make([][]store.Day, len(lists))
	var asks []fieldsAsk
	for i, list := range lists {
		all[i] = make([]store.Day, len(list.Entries))
		for begin := 0; begin < len(list.Entries); begin += useBatch {
			end := min(begin+useBatch, len(list.Entries))
			asks = append(asks, fieldsAsk{id: list.Tenant, fields: list.Entries[begin:end], take: func(field int, value any) {
				text, _ := value.(string)
				if day, err := store.ParseDay(text); err == nil { // else never, or what nobody wrote
					all[i][begin+field] = day
				}
			}})
		}
	}
	if err := s.fields(ctx, asks); err != nil {
		return nil, s.fail(ctx, "reading the uses of entries", err)
	}
	return all, nil
}

// RecordedDays implements [store.UseReader].
func (s *Store) RecordedDays(ctx context.Context, days []store.Day) ([]bool, error) {
	recorded := make([]bool, len(days))
	fields := make([]string, len(days))
	for i, day := range days {
		fields[i] = day.String()
	}
	ask := fieldsAsk{fields: fields, take: func(field int, value any) { recorded[field] = value != nil }}
	if err := s.fields(ctx, []fieldsAsk{ask}); err != nil {
		return nil, s.fail(ctx, "reading when uses were recorded", err)
	}
	return recorded, nil
}

// fieldsAsk is a question for some fields of a hash of uses. take is told the value of each, nil for none.
type fieldsAsk struct {
	id     string
	fields []string
	take   func(field int, value any)
}

// fields asks, about as many fields in a round trip as uses are recorded. A key of another type holds nothing.
func (s *Store) fields(ctx context.Context, asks []fieldsAsk) error {
	for len(asks) > 0 {
		n, fields := 0, 0
		for ; n < len(asks) && (n == 0 || fields+len(asks[n].fields) <= 2*useBatch); n++ {
			fields += len(asks[n].fields)
		}
		var cmds []*redis.SliceCmd
		err := s.pipeline(ctx, func(p redis.Pipeliner) {
			for _, ask := range asks[:n] {
				cmds = append(cmds, p.HMGet(ctx, s.usedKey(ask.id), ask.fields...))
			}
		})
		if err != nil {
			return err
		}
		for i, cmd := range cmds {
			values, err := cmd.Result()
			switch {
			case classify(ctx, err) == ErrorWrongType:
				continue
			case err != nil:
				return err
			}
			for field, value := range values[:min(len(values), len(asks[i].fields))] {
				asks[i].take(field, value)
			}
		}
		asks = asks[n:]
	}
	return nil
}
