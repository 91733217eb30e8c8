package change

import "slices"

// maxCells bounds the table of a longest common subsequence; beyond it, lines that both texts have
// exactly once divide the problem.
const maxCells = 1 << 20

// lines gives the lines of a and b as operations, in order; the removed ones of a place before the
// added ones.
func lines(a, b []string) []op {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	ops := same(nil, a[:n])
	a, b = a[n:], b[n:]
	n = 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	tail := a[len(a)-n:]
	ops = append(ops, middle(a[:len(a)-n], b[:len(b)-n])...)
	return same(ops, tail)
}

func same(ops []op, texts []string) []op {
	for _, t := range texts {
		ops = append(ops, op{' ', t})
	}
	return ops
}

// middle is lines for texts that differ at both ends.
func middle(a, b []string) []op {
	if len(a) > 0 && len(b) > 0 {
		if len(a)*len(b) <= maxCells {
			return common(a, b)
		}
		if at := anchors(a, b); len(at) > 0 {
			var ops []op
			i, j := 0, 0
			for _, p := range at {
				ops = append(ops, lines(a[i:p.a], b[j:p.b])...)
				ops = append(ops, op{' ', a[p.a]})
				i, j = p.a+1, p.b+1
			}
			return append(ops, lines(a[i:], b[j:])...)
		}
	}
	var ops []op
	for _, t := range a {
		ops = append(ops, op{'-', t})
	}
	for _, t := range b {
		ops = append(ops, op{'+', t})
	}
	return ops
}

// common is the shortest difference, by a table of common subsequences of what is left.
func common(a, b []string) []op {
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width)
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			if left == right {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	var ops []op
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			ops = append(ops, op{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[(i+1)*width+j] >= longest[i*width+j+1]:
			ops = append(ops, op{'-', a[i]})
			i++
		default:
			ops = append(ops, op{'+', b[j]})
			j++
		}
	}
	return ops
}

// pair is a line of a and one of b that are equal.
type pair struct{ a, b int }

// anchors are lines that stand once in either text, as many as can be had in one order.
func anchors(a, b []string) []pair {
	where := once(b)
	var unique []pair
	for text, i := range once(a) {
		if j, ok := where[text]; ok && i >= 0 && j >= 0 {
			unique = append(unique, pair{i, j})
		}
	}
	slices.SortFunc(unique, func(p, q pair) int { return p.a - q.a })
	return rising(unique)
}

// once maps each line to its place, or to -1 when it stands in several.
func once(texts []string) map[string]int {
	at := make(map[string]int, len(texts))
	for i, t := range texts {
		if _, again := at[t]; again {
			i = -1
		}
		at[t] = i
	}
	return at
}

// rising is the longest subsequence whose places in b rise, too.
func rising(pairs []pair) []pair {
	var ends []int // ends[k]: the pair that ends the best sequence of k+1
	before := make([]int, len(pairs))
	for i, p := range pairs {
		k, _ := slices.BinarySearchFunc(ends, p.b, func(e, b int) int { return pairs[e].b - b })
		before[i] = -1
		if k > 0 {
			before[i] = ends[k-1]
		}
		if k == len(ends) {
			ends = append(ends, i)
		}
		ends[k] = i
	}
	if len(ends) == 0 {
		return nil
	}
	out := make([]pair, len(ends))
	for i, k := ends[len(ends)-1], len(ends)-1; k >= 0; i, k = before[i], k-1 {
		out[k] = pairs[i]
	}
	return out
}
