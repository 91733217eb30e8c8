package tenant

// hashedOrigin bounds how much of an Origin is hashed: one byte more than a
// valid origin can have (rule 13), beyond which every policy denies.
const hashedOrigin = 327

// bucket gives the stable place, 0 to 99, of a (tenant, origin) pair: a
// candidate with percent p decides the buckets below p (rule 79). It is
// FNV-1a over id, a zero byte and origin, finished by the mixer of
// MurmurHash3, since FNV alone leaves the low bits of short strings uneven.
// Replicas and releases must agree on it, so it never changes.
func bucket(id, origin string) int {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * prime
	}
	h *= prime
	for i := range min(len(origin), hashedOrigin) {
		h = (h ^ uint64(origin[i])) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int(h % 100)
}
