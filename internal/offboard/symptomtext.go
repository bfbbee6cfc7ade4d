package offboard

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// said is a text as it is searched for symptoms.
type said struct {
	plain string   // in lower case, without marks and escapes
	words []string // letters and digits only
}

var (
	escapes = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]|\\u[0-9a-fA-F]{4}|\\+[nrt]`)
	quotes  = strings.NewReplacer("\\", "", "’", "'", "‘", "'", "`", "'")
)

func read(text string) said {
	plain := strings.ToLower(quotes.Replace(escapes.ReplaceAllString(text, " ")))
	return said{plain: plain, words: wordsOf(plain)}
}

// wordsOf splits at everything that is neither letter nor digit; an apostrophe within a word is dropped, so that "can't"
// and "cant" are the same.
func wordsOf(plain string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(plain, "'", ""), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// hasCode tells whether a code stands in the text as a word of its own.
func (s said) hasCode(code string) bool {
	code = strings.ToLower(code)
	for at := 0; ; at++ {
		i := strings.Index(s.plain[at:], code)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(code)
		if (at == 0 || !inCode(s.plain[at-1])) && (end == len(s.plain) || !inCode(s.plain[end])) {
			return true
		}
	}
}

func inCode(b byte) bool { return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' }

// gap is how many words may stand where a fragment has …: a name, an ID, or a sentence the service quotes.
const gap = 12

// find tells how many words of a fragment stand in the text: all of them, or none.
func (s said) find(fragment string) int {
	var parts [][]string
	n := 0
	for part := range strings.SplitSeq(strings.ToLower(fragment), "…") {
		if words := wordsOf(part); len(words) > 0 {
			parts = append(parts, words)
			n += len(words)
		}
	}
	for start := range s.words {
		if s.follows(parts, start, 0) {
			return n
		}
	}
	return 0
}

// follows tells whether the parts stand one after the other, the first of them at most slack words behind start.
func (s said) follows(parts [][]string, start, slack int) bool {
	if len(parts) == 0 {
		return true
	}
	for at := start; at <= start+slack && at+len(parts[0]) <= len(s.words); at++ {
		end := at + len(parts[0])
		if slices.Equal(s.words[at:end], parts[0]) && s.follows(parts[1:], end, gap) {
			return true
		}
	}
	return false
}

// likeness is how near the text comes to a symptom, between 0 and 1.
func (s said) likeness(symptom Symptom) float64 {
	const misspelt = 2 // changes of a code that was still meant
	best := 0.0
	for _, code := range symptom.Codes {
		for _, word := range s.words {
			if len(word) < 4 || !strings.ContainsAny(word, "0123456789") {
				continue
			}
			if d := editDistance(word, strings.ToLower(code)); d > 0 && d <= misspelt && d < len(code)/2 {
				best = max(best, 1-float64(d)/float64(len(code)))
			}
		}
	}
	for _, fragment := range append(slices.Clone(symptom.Texts), symptom.Title) {
		words := wordsOf(strings.ToLower(strings.ReplaceAll(fragment, "…", " ")))
		weight, shared := 0, 0
		for _, word := range words {
			weight += len(word) // long words say more than short ones
			if slices.Contains(s.words, word) {
				shared += len(word)
			}
		}
		// One word of two is no likeness yet.
		if len(words) > 2 {
			best = max(best, float64(shared)/float64(weight))
		}
	}
	return best
}
