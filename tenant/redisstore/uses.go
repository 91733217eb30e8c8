package redisstore

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

const (
	// useBatch is how many uses are sent in one round trip, and how many fields one command reads. askBatch is how
	// many such commands are sent in one round trip; most of them read few fields.
	useBatch = 500
	askBatch = 50
	// usesKept is how long the uses of a tenant are kept after the last one.
	usesKept = 400 * 24 * time.Hour
)

// usedKey is a hash: entry → day of its last use. That of no tenant has a field for each day on
// which uses were recorded.
func (s *Store) usedKey(id string) string { return s.opt.Prefix + "used:" + id }

// RecordUses implements [store.UseWriter]. What another program made of a key is left alone.
func (s *Store) RecordUses(ctx context.Context, today store.Day, uses []store.Use) error {
	err := s.record(ctx, func(p redis.Pipeliner) { p.HSet(ctx, s.usedKey(""), today.String(), "1") })
	for some := range slices.Chunk(uses, useBatch) {
		if err != nil {
			break
		}
		err = s.record(ctx, func(p redis.Pipeliner) {
			for _, u := range some {
				if tenant.ValidID(u.Tenant) {
					p.HSet(ctx, s.usedKey(u.Tenant), u.Entry, u.Day.String())
					p.Expire(ctx, s.usedKey(u.Tenant), usesKept)
				}
			}
		})
	}
	if err != nil {
		return s.fail(ctx, "recording uses of entries", err)
	}
	return nil
}

// record makes one round trip. The error is the first of a command but for a key of a wrong type.
func (s *Store) record(ctx context.Context, fill func(redis.Pipeliner)) error {
	var cmds []redis.Cmder
	err := s.pipeline(ctx, func(p redis.Pipeliner) {
		fill(p)
		cmds = p.Cmds()
	})
	for _, cmd := range cmds {
		if e := classify(ctx, cmd.Err()); err == nil && e != "" && e != ErrorWrongType {
			err = cmd.Err()
		}
	}
	return err
}

// Uses implements [store.UseReader].
func (s *Store) Uses(ctx context.Context, lists []store.Entries) ([][]store.Day, error) {
	all := make([][]store.Day, len(lists))
	var asks []fieldsAsk
	for i, list := range lists {
		all[i] = make([]store.Day, len(list.Entries))
		days := all[i]
		for some := range slices.Chunk(list.Entries, useBatch) {
			of := days[:len(some)]
			days = days[len(some):]
			asks = append(asks, fieldsAsk{id: list.Tenant, fields: some, take: func(field int, value any) {
				text, _ := value.(string)
				if day, err := store.ParseDay(text); err == nil { // else never, or what nobody wrote
					of[field] = day
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

// fields asks. A key of another type holds nothing.
func (s *Store) fields(ctx context.Context, asks []fieldsAsk) error {
	for some := range slices.Chunk(asks, askBatch) {
		cmds := make([]*redis.SliceCmd, len(some))
		err := s.pipeline(ctx, func(p redis.Pipeliner) {
			for i, ask := range some {
				cmds[i] = p.HMGet(ctx, s.usedKey(ask.id), ask.fields...)
			}
		})
		if err != nil {
			return err
		}
		for i, cmd := range cmds {
			values, err := cmd.Result()
			if err != nil && classify(ctx, err) != ErrorWrongType {
				return err
			}
			for field, value := range values[:min(len(values), len(some[i].fields))] {
				some[i].take(field, value)
			}
		}
	}
	return nil
}
