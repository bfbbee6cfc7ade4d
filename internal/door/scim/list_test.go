package scim

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	s := newService(t)
	var ids []any
	for i := range 250 {
		ids = append(ids, s.create(fmt.Sprintf(`{"userName":"user-%d@acme.example","active":%t}`, i, i%2 == 0)))
	}
	page := func(query string) (map[string]any, []any) {
		got := s.do("GET", "/Users?"+query, "")
		require.Equal(t, http.StatusOK, got.Code, got.Body.String())
		require.NotContains(t, got.Body.String(), `"totalResults":"`, "Okta wants numbers")
		var found []any
		for _, u := range got.body["Resources"].([]any) {
			found = append(found, at(u, "id"))
		}
		require.Equal(t, float64(len(found)), got.body["itemsPerPage"])
		return got.body, found
	}
	for query, want := range map[string]struct {
		start, total float64
		ids          []any
	}{
		"":                         {1, 250, ids[:100]},
		"startIndex=1&count=2":     {1, 250, ids[:2]}, // Okta's test of the connection
		"startIndex=101&count=100": {101, 250, ids[100:200]},
		"startIndex=201&count=100": {201, 250, ids[200:]},
		"startIndex=250":           {250, 250, ids[249:]},
		"startIndex=251":           {251, 250, nil},
		"startIndex=9999999999":    {9999999999, 250, nil},
		"startIndex=0&count=1":     {1, 250, ids[:1]},
		"startIndex=-5&count=1":    {1, 250, ids[:1]},
		"count=0":                  {1, 250, nil},
		"count=-1":                 {1, 250, nil},
		"count=100000":             {1, 250, ids[:200]},
		"filter=active+eq+true&count=2&startIndex=3": {3, 125, []any{ids[4], ids[6]}},
		"sortBy=userName&count=1":                    {1, 250, ids[:1]},
	} {
		body, found := page(query)
		require.Equal(t, want.start, body["startIndex"], query)
		require.Equal(t, want.total, body["totalResults"], query)
		require.Equal(t, want.ids, found, query)
	}
	for _, query := range []string{"startIndex=x", "count=1.5", "count=99999999999999999999"} {
		got := s.do("GET", "/Users?"+query, "")
		require.Equal(t, http.StatusBadRequest, got.Code, query)
		require.Equal(t, invalidValue, got.body["scimType"], query)
	}

	// Pages fit together although a user of an earlier one has changed.
	s.patched(ids[3].(string), `{"op":"replace","path":"userName","value":"zzz@acme.example"}`)
	_, found := page("startIndex=101&count=100")
	require.Equal(t, ids[100:200], found)
}

func TestSearch(t *testing.T) {
	s := newService(t)
	s.leaver()
	for _, target := range []string{"/.search", "/Users/.search"} {
		got := s.do("POST", target, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["userName"],"filter":"userName sw \"leaver\"","startIndex":1,"count":"10"}`)
		require.Equal(t, http.StatusOK, got.Code, got.Body.String())
		require.Equal(t, 1.0, got.body["totalResults"])
		require.Equal(t, "leaver@acme.example", at(got.body["Resources"], "userName"))
		require.NotContains(t, at(got.body["Resources"]), "emails")
	}
	require.Equal(t, 0.0, s.do("POST", "/Groups/.search", `{}`).body["totalResults"])
	for _, body := range []string{`{"count":true}`, `{"startIndex":"x"}`, `{"attributes":["a b"]}`, `[]`, `{"filter":"x"}`} {
		require.Equal(t, http.StatusBadRequest, s.do("POST", "/.search", body).Code, body)
	}
}

func TestAttributes(t *testing.T) {
	s := newService(t)
	id := s.create(userToPatch)
	always := map[string]any{"id": id, "schemas": []any{userSchema, enterpriseSchema}}
	with := func(more map[string]any) map[string]any {
		for k, v := range always {
			more[k] = v
		}
		return more
	}
	for query, want := range map[string]map[string]any{
		"attributes=userName":                            with(map[string]any{"userName": "leaver@acme.example"}),
		"attributes=USERNAME,%20active":                  with(map[string]any{"userName": "leaver@acme.example", "active": true}),
		"attributes=id":                                  with(map[string]any{}),
		"attributes=nothing":                             with(map[string]any{}),
		"attributes=name.givenName":                      with(map[string]any{"name": map[string]any{"givenName": "Test"}}),
		"attributes=emails.type,emails.value":            with(map[string]any{"emails": []any{map[string]any{"type": "work", "value": "leaver@acme.example"}, map[string]any{"type": "home", "value": "leaver@home.example"}}}),
		"attributes=custom":                              with(map[string]any{"custom": map[string]any{"shoeSize": 44.5, "tags": []any{"a", "b"}}}),
		"attributes=" + enterpriseSchema:                 with(map[string]any{enterpriseSchema: map[string]any{"department": "Sales", "employeeNumber": "701984"}}),
		"attributes=department":                          with(map[string]any{enterpriseSchema: map[string]any{"department": "Sales"}}),
		"attributes=" + enterpriseSchema + ":department": with(map[string]any{enterpriseSchema: map[string]any{"department": "Sales"}}),
		"attributes=" + userSchema + ":userName":         with(map[string]any{"userName": "leaver@acme.example"}),
		"attributes=active&excludedAttributes=active":    with(map[string]any{"active": true}),
		"excludedAttributes=id,schemas,emails,name,meta,custom,displayName,department": with(map[string]any{"userName": "leaver@acme.example", "active": true,
			enterpriseSchema: map[string]any{"employeeNumber": "701984"}}),
		"excludedAttributes=emails.value,emails.primary,name,meta,custom,displayName," + enterpriseSchema: with(map[string]any{"userName": "leaver@acme.example", "active": true,
			"emails": []any{map[string]any{"type": "work"}, map[string]any{"type": "home"}}}),
	} {
		got := s.do("GET", "/Users/"+id+"?"+query, "")
		require.Equal(t, http.StatusOK, got.Code, query)
		require.Equal(t, want, got.body, query)
	}
	require.Contains(t, s.do("GET", "/Users/"+id+"?excludedAttributes=name.givenName", "").body, "name", "a part alone goes")
	require.Equal(t, http.StatusBadRequest, s.do("GET", "/Users/"+id+"?attributes=a%20b", "").Code)
	got := s.do("PATCH", "/Users/"+id+"?attributes=title", patchOf(`{"op":"add","path":"title","value":"Boss"}`))
	require.Equal(t, with(map[string]any{"title": "Boss"}), got.body)
}
