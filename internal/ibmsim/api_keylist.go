package ibmsim

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listKeys answers GET /v1/apikeys. Scope entity (the default) lists one identity's keys, scope account all that the
// caller may see: without the manage right that is silently only the caller's own (inferred).
func listKeys(k *call) reply {
	if !k.account(k.q("account_id")) {
		return k.iamForbidden()
	}
	iam := k.q("iam_id")
	if iam != "" && iam != k.caller.iam && k.w.serviceByIAM[iam] == nil {
		// An administrator asking for one user's keys is refused all the same (trap 8).
		return k.iamRefusal(http.StatusForbidden, "BXNIM0513E", "The iam_id of a user must be the identity of the token.")
	}
	all := k.q("scope") == "account" && k.managesKeys()
	kind := k.q("type")
	if kind == "" && iam == "" {
		kind = "user" // what a list means when it names none
	}
	var keys []*apiKey
	for _, key := range k.candidates(iam, all) {
		if k.w.visible(key, k.now) && (kind == "" || key.service == (kind == "serviceid")) {
			keys = append(keys, key)
		}
	}
	k.sortKeys(keys)
	return k.identityPage(len(keys), "apikeys", func(i int) any {
		body := k.w.keyBody(keys[i])
		if k.yes("include_history") {
			body["history"] = k.w.historyBody(keys[i].history)
		}
		return body
	}, func(i int) string { return k.keySortValue(keys[i]) + "\x00" + strconv.Itoa(keys[i].seq) }, func(mark string) int {
		return k.afterMark(keys, mark)
	})
}

func (k *call) candidates(iam string, all bool) []*apiKey {
	if all && iam == "" {
		return k.w.keys
	}
	return k.w.keysByOwner[firstOf(iam, k.caller.iam)]
}

func (k *call) keySortValue(key *apiKey) string {
	switch k.q("sort") {
	case "name":
		return key.name
	case "description":
		return key.description
	case "created_at":
		return k.w.iamTime(key.created)
	case "modified_at":
		return k.w.iamTime(key.modified)
	}
	return ""
}

// sortKeys orders by the wanted field, then by age, so that pages never overlap.
func (k *call) sortKeys(keys []*apiKey) {
	if k.q("sort") == "" {
		return
	}
	sign := 1
	if k.q("order") == "desc" {
		sign = -1
	}
	slices.SortFunc(keys, func(a, b *apiKey) int {
		return cmp.Or(sign*strings.Compare(k.keySortValue(a), k.keySortValue(b)), a.seq-b.seq)
	})
}

// afterMark finds where the page after a mark begins, even when the key it names is gone.
func (k *call) afterMark(keys []*apiKey, mark string) int {
	value, seqText, _ := strings.Cut(mark, "\x00")
	seq, _ := strconv.Atoi(seqText)
	desc := k.q("sort") != "" && k.q("order") == "desc"
	for i, key := range keys {
		c := strings.Compare(k.keySortValue(key), value)
		if desc {
			c = -c
		}
		if c > 0 || (c == 0 && key.seq > seq) {
			return i
		}
	}
	return len(keys)
}

// identityPage is IAM identity's paging dialect: pagesize (1 to 100, default 20, trap 9), an opaque pagetoken, and next
// as a full URL that is absent on the last page.
func (k *call) identityPage(n int, member string, item func(int) any, mark func(int) string, after func(string) int) reply {
	size := 20
	if text := k.q("pagesize"); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 || v > 100 {
			return k.iamRefusal(http.StatusBadRequest, "BXNIM0111E", "The pagesize must be between 1 and 100.")
		}
		size = v
	}
	start := 0
	if token := k.q("pagetoken"); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return k.iamRefusal(http.StatusBadRequest, "BXNIM0112E", "The pagetoken is not valid.")
		}
		start = after(string(text))
	}
	end := min(start+size, n)
	items := []any{}
	for i := start; i < end; i++ {
		items = append(items, item(i))
	}
	body := map[string]any{"offset": start, "limit": size, "first": k.pageURL(""), member: items}
	if end < n {
		body["next"] = k.pageURL(base64.RawURLEncoding.EncodeToString([]byte(mark(end - 1))))
	}
	return ok(body)
}

func (k *call) pageURL(token string) string {
	q := url.Values{}
	for name, values := range k.query() {
		if name != "pagetoken" {
			q[name] = values
		}
	}
	if token != "" {
		q.Set("pagetoken", token)
	}
	return k.url() + "?" + q.Encode()
}
