package statefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/corsgate/corsgate/tenant/store"
)

// Limits of one record; what is larger is neither written nor read. A document has at
// most 1 MiB, and as much again is for what its keeper says beside it.
const (
	maxID     = 63
	maxData   = 2 << 20
	maxWord   = 1024 // of Saved.Epoch and Saved.Confirmed
	maxRecord = recordHead + maxID + maxData
)

// The header: magic, version, length of the identity, random number, identity, CRC-32C.
// Numbers are little-endian.
const (
	magic      = "cgtenant"
	version    = 1
	headerHead = len(magic) + 2 + 2 + 8
	maxHeader  = headerHead + maxIdentity + 4
)

// A record: kind, length of the id, length of the data, CRC-32C of all but
// itself, id, data.
const recordHead = 1 + 1 + 4 + 4

// The kinds of records. None is zero, so that a hole in a file is none.
const (
	kindPut    = 'P'
	kindDelete = 'D'
	kindCommit = 'C'
)

// commitMark begins the data of a commit, so that one can be found behind damage.
const commitMark = "\x00commit\xff"

// commitHead is the length of a commit's data without epoch and confirmation: mark,
// complete, position, time, hash, length of the epoch.
const commitHead = len(commitMark) + 1 + 8 + 8 + 8 + 4 + 8 + 2

func appendHeader(b []byte, identity string, nonce uint64) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(identity))) //nolint:gosec // at most maxIdentity
	b = binary.LittleEndian.AppendUint64(b, nonce)
	b = append(b, identity...)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:], nil))
}

// parseHeader reads the header at the start of b, the first bytes of a file, and
// gives its length. The error is [ErrFormat], [ErrDamaged] or [ErrIdentity].
func parseHeader(b []byte, identity string) (int, error) {
	if len(b) < headerHead {
		return 0, ErrDamaged
	}
	if string(b[:len(magic)]) != magic || binary.LittleEndian.Uint16(b[len(magic):]) != version {
		return 0, ErrFormat
	}
	n := headerHead + int(binary.LittleEndian.Uint16(b[len(magic)+2:]))
	if n+4 > len(b) || binary.LittleEndian.Uint32(b[n:]) != checksum(b[:n], nil) {
		return 0, ErrDamaged
	}
	if string(b[headerHead:n]) != identity {
		return 0, ErrIdentity
	}
	return n + 4, nil
}

// record is one record in a buffer that is used again.
type record struct {
	kind     byte
	id, data []byte
	raw      []byte // all of it
}

func appendRecord(b []byte, kind byte, id string, data []byte) []byte {
	start := len(b)
	b = append(b, kind, byte(len(id)))                         //nolint:gosec // at most maxID
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data))) //nolint:gosec // at most maxData
	b = append(b, 0, 0, 0, 0)
	b = append(b, id...)
	b = append(b, data...)
	raw := b[start:]
	binary.LittleEndian.PutUint32(raw[6:], checksum(raw[:6], raw[recordHead:]))
	return b
}

var (
	errLength   = errors.New("a record of impossible length or kind")
	errChecksum = errors.New("a record whose checksum is wrong")
	errHash     = errors.New("a commit whose hash is wrong")
	errTooMany  = errors.New("more tenants than can be")
)

// recordLen gives the length of the record that begins with head.
func recordLen(head []byte) (int, error) {
	id, data := int(head[1]), int64(binary.LittleEndian.Uint32(head[2:]))
	fits := false
	switch head[0] {
	case kindPut:
		fits = id > 0 && id <= maxID && data > 0 && data <= maxData
	case kindDelete:
		fits = id > 0 && id <= maxID && data == 0
	case kindCommit:
		fits = id == 0 && data >= int64(commitHead) && data <= int64(commitHead+2*maxWord)
	}
	if !fits {
		return 0, errLength
	}
	return recordHead + id + int(data), nil
}

// parseRecord reads the record that is raw, whose length [recordLen] gave.
func parseRecord(raw []byte) (record, error) {
	if binary.LittleEndian.Uint32(raw[6:]) != checksum(raw[:6], raw[recordHead:]) {
		return record{}, errChecksum
	}
	id := recordHead + int(raw[1])
	return record{kind: raw[0], id: raw[recordHead:id], data: raw[id:], raw: raw}, nil
}

func appendCommit(b []byte, s store.Saved, hash uint64) []byte {
	data := make([]byte, 0, commitHead+2*maxWord)
	data = append(data, commitMark...)
	complete := byte(0)
	if s.Complete {
		complete = 1
	}
	data = append(data, complete)
	data = binary.LittleEndian.AppendUint64(data, s.Position.Time)
	data = binary.LittleEndian.AppendUint64(data, s.Position.Sequence)
	data = binary.LittleEndian.AppendUint64(data, uint64(s.At.Unix()))       //nolint:gosec // taken back by the same conversion
	data = binary.LittleEndian.AppendUint32(data, uint32(s.At.Nanosecond())) //nolint:gosec // below 1e9
	data = binary.LittleEndian.AppendUint64(data, hash)
	data = binary.LittleEndian.AppendUint16(data, uint16(len(s.Epoch))) //nolint:gosec // at most maxWord
	data = append(data, s.Epoch...)
	data = append(data, s.Confirmed...)
	return appendRecord(b, kindCommit, "", data)
}

// parseCommit reads the data of a commit.
func parseCommit(data []byte) (s store.Saved, hash uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(commitMark))
	if !ok || len(data) < commitHead || rest[0] > 1 {
		return s, 0, false
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(rest[at:]) }
	s.Complete = rest[0] == 1
	s.Position = store.Position{Time: word(1), Sequence: word(9)}
	s.At = time.Unix(int64(word(17)), int64(binary.LittleEndian.Uint32(rest[25:]))) //nolint:gosec // as written
	hash = word(29)
	epoch := int(binary.LittleEndian.Uint16(rest[37:]))
	rest = rest[39:]
	if epoch > len(rest) {
		return s, 0, false
	}
	s.Epoch, s.Confirmed = string(rest[:epoch]), string(rest[epoch:])
	return s, hash, true
}

func checksum(a, b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(a, table), table, b)
}
