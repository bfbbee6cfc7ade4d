package ibmsim

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// Global search: the present version, and the older one that bluemix-go still speaks.
var searchRoutes = []route{
	{api: &searchAPI, method: "POST", path: "/v3/resources/search", handle: searchV3},
	{api: &searchAPI, method: "POST", path: "/v2/resources/search", handle: searchV2},
}

// searchRequest is the body of both versions; they call the place where a search goes on differently.
type searchRequest struct {
	Query        string   `json:"query"`
	Fields       []string `json:"fields"`
	SearchCursor string   `json:"search_cursor"`
	Token        string   `json:"token"`
}

func searchV3(k *call) reply {
	return k.search(func(in searchRequest) string { return in.SearchCursor }, func(items []any, limit int, _ bool, place string) map[string]any {
		body := map[string]any{"limit": limit, "items": items}
		if len(items) == limit {
			body["search_cursor"] = place
		}
		return body
	})
}

// searchV2 answers with the members that bluemix-go reads; the default limit is inferred to be the newer version's.
func searchV2(k *call) reply {
	return k.search(func(in searchRequest) string { return in.Token }, func(items []any, _ int, more bool, place string) map[string]any {
		body := map[string]any{"items": items, "more_data": more, "filter_error": false, "partial_data": 0}
		if more {
			body["token"] = place
		}
		return body
	})
}

// search knows queries of the form field:value joined by AND. With a place to go on from, the rest of the body is ignored.
func (k *call) search(placeIn func(searchRequest) string, answer func(items []any, limit int, more bool, place string) map[string]any) reply {
	var in searchRequest
	if !k.decode(&in) {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body could not be read.")
	}
	limit := 10
	if v, err := strconv.Atoi(k.q("limit")); err == nil && v > 0 {
		limit = min(v, 1000)
	}
	start := 0
	if place := placeIn(in); place != "" {
		text, err := base64.RawURLEncoding.DecodeString(place)
		offset, query, found := strings.Cut(string(text), "|")
		if err != nil || !found {
			return k.listRefusal(http.StatusBadRequest, "invalid_body", "The cursor is not valid.")
		}
		in.Query = query
		start = position(offset)
	}
	var hits []resource
	for _, r := range k.visibleResources() {
		if r.state != stateRemoved && k.account(k.q("account_id")) && k.w.hit(r, in.Query) {
			hits = append(hits, r)
		}
	}
	items := []any{}
	for i := start; i < min(start+limit, len(hits)); i++ {
		items = append(items, k.w.searchItem(hits[i]))
	}
	place := base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(start+limit) + "|" + in.Query))
	return ok(answer(items, limit, start+limit < len(hits), place))
}

func (w *world) searchItem(r resource) map[string]any {
	family, kind := "resource_controller", "resource-instance"
	if r.plan == clusterPlan {
		family, kind = "containers", "k8-cluster"
	}
	return map[string]any{
		"crn": r.crn, "name": r.name, "region": r.region, "family": family, "type": kind, "service_name": r.service, "resource_id": r.guid,
		"resource_group_id": r.group, "account_id": w.accountID,
	}
}

func (w *world) hit(r resource, query string) bool {
	item := w.searchItem(r)
	for term := range strings.SplitSeq(query, " AND ") {
		field, value, _ := strings.Cut(strings.Trim(term, "() "), ":")
		if field == "" || field == "*" {
			continue
		}
		have, _ := item[field].(string)
		if have != strings.Trim(value, `"`) {
			return false
		}
	}
	return true
}
