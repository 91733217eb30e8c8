// Package spelling measures how far one name is from another, so that a message
// about an unknown name can offer the one that was meant.
package spelling

// Distance is the number of single-byte edits that make a into b (Levenshtein). Its
// work grows with the product of the lengths: give it short names.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
