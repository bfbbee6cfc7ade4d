package scim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzPatch holds every PATCH against what holds for all: an answer in SCIM's form, all or nothing, and the engine hears
// exactly what the user has become.
func FuzzPatch(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add(body)
	}
	for _, o := range []string{
		`{"op":"remove","path":"emails[type eq \"work\"]"}`, `{"op":"add","path":"emails","value":["a",{"value":"b","primary":true}]}`,
		`{"op":"replace","path":"urn:a:b:User","value":{"x":{"y":1}}}`, `{"op":"remove","path":"urn:a:b:User:x.y"}`, `{"op":"add","value":{"a.b":1,"a":{"c":[{}]}}}`,
		`{"op":"replace","path":"emails[not (value co \"a\")].x","value":{"value":null}}`, `{"op":"add","path":"name.x","value":[[]]}`,
	} {
		f.Add(patchOf(o))
	}
	f.Fuzz(func(t *testing.T, body string) { checkPatch(t, body) })
}

// checkPatch sends one PATCH to a fresh user.
func checkPatch(t tester, body string) {
	s := newService(t)
	id := s.create(userToPatch)
	before := s.do("GET", "/Users/"+id, "")
	got := s.do("PATCH", "/Users/"+id, body)
	after := s.do("GET", "/Users/"+id, "")
	if after.Code != http.StatusOK || !slices.Contains([]int{200, 400}, got.Code) {
		t.Fatalf("answered %d, then %d: %s", got.Code, after.Code, got.Body)
	}
	if got.Code == http.StatusBadRequest && after.Body.String() != before.Body.String() {
		t.Fatalf("refused, and still done: %s", after.Body)
	}
	active, isFlag := after.body["active"].(bool)
	if heard := len(s.engine.heard()); !isFlag || active != (heard == 0) || heard > 1 {
		t.Fatalf("active is %v, the engine heard %v", after.body["active"], s.engine.heard())
	}
	if textOf(after.body["userName"]) == "" || after.body["id"] != id {
		t.Fatalf("no user any more: %s", after.Body)
	}
	// What was written must be what is read, and the same again must change nothing.
	if again := s.do("PUT", "/Users/"+id, after.Body.String()); again.Code != http.StatusOK || again.Body.String() != after.Body.String() {
		t.Fatalf("a user that was given back is another one: %d\n%s\n%s", again.Code, after.Body, again.Body)
	}
}

func FuzzFilter(f *testing.F) {
	for _, filter := range []string{
		`userName eq "a"`, `emails[type eq "work"].value eq "x"`, `emails[type eq "work"] eq "x"`, `not (a pr) and (b co "x" or c gt 1.5e3)`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "\u0041"`, `emails[(a eq 1 or not (b pr))].c pr`, `a[b pr][c pr]`, `a[b eq "]"].c ne null`, `values-in-brackets-0 pr`,
	} {
		f.Add(filter)
	}
	s := newService(f)
	s.create(userToPatch)
	s.create(`{"userName":"other","externalId":"a","active":false}`)
	f.Fuzz(func(t *testing.T, filter string) {
		s.t = t
		got := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "")
		switch {
		case got.Code == http.StatusOK:
		case got.Code == http.StatusBadRequest && got.body["scimType"] == invalidFilter:
			return
		default:
			t.Fatalf("answered %d: %s", got.Code, got.Body)
		}
		if strings.TrimSpace(filter) == "" {
			return
		}
		// Found by an index or not: the same users.
		matches, _, err := parseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for u, err := range s.disk.Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if matches(u.resource("http://door.acme.example" + Path)) {
				want++
			}
		}
		if got.body["totalResults"] != float64(want) {
			t.Fatalf("%v users, and %d by the filter", got.body["totalResults"], want)
		}
	})
}

// FuzzRequest sends whatever is thinkable to wherever it may go.
func FuzzRequest(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add("POST", "/Users", body, "application/scim+json", "")
		f.Add("PUT", "/Users/ID", body, "application/json", `W/"1"`)
		f.Add("PATCH", "/Users/ID?attributes=emails.value", body, "", "*")
	}
	for _, c := range [][2]string{{"GET", "/Users?startIndex=2&count=1&excludedAttributes=name"}, {"DELETE", "/Users/ID"}, {"GET", "/Schemas/x"}, {"GET", "/Me"},
		{"POST", "/.search"}, {"GET", "/Groups?filter=a"}, {"HEAD", "/Users/ID"}, {"GET", "//Users//ID/"}, {"GET", "/Users?attributes=urn:a:b,c[d pr].e"}} {
		f.Add(c[0], c[1], "{}", "application/json", "")
	}
	f.Fuzz(func(t *testing.T, method, target, body, kind, tag string) {
		s := newService(t)
		id := s.create(userToPatch)
		target = strings.ReplaceAll(target, "ID", id)
		u, err := url.Parse("http://door.acme.example" + Path + target)
		if err != nil {
			return
		}
		r := request(t.Context(), "GET", "", body)
		r.Method, r.URL = method, u
		r.Header.Set("Content-Type", kind)
		r.Header.Set("If-Match", tag)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("answered %d: %s", w.Code, w.Body)
		}
		if w.Body.Len() > 0 && (!json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/scim+json") {
			t.Fatalf("answered %d with %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if strings.Contains(w.Body.String(), `"password"`) && !strings.Contains(target, "Schemas") && w.Code < 300 {
			t.Fatalf("a password is given back: %s", w.Body)
		}
		if heard := s.engine.heard(); len(heard) > 1 || len(heard) == 1 && !slices.Contains([]string{"PUT", "PATCH", "DELETE"}, method) {
			t.Fatalf("%s %s told the engine %v", method, target, heard)
		}
	})
}

// TestAnyPatch is FuzzPatch for operations that are well-formed, which a fuzzer seldom hits.
func TestAnyPatch(t *testing.T) {
	verbs := rapid.SampledFrom([]string{"add", "Replace", "REMOVE"})
	paths := rapid.SampledFrom([]any{nil, "active", "Active", "userName", "externalId", "name", "name.givenName", "emails", "emails.value", `emails[type eq "work"]`,
		`emails[type eq "work"].value`, `emails[primary eq "True"].value`, `emails[type eq "other" and primary eq true].display`, `emails[not (type eq "home")]`,
		"phoneNumbers.primary", `roles[value eq "r"].primary`, "manager", "department", enterpriseSchema, enterpriseSchema + ":manager.value", enterpriseSchema + ".department",
		userSchema, userSchema + ":active", "urn:acme:1.0:User", "urn:acme:1.0:User:tag", "urn:acme:1.0:User:tag.part", "urn:acme:one:tag", "custom", "custom.tags", "unknown.part",
		`unknown[a eq 1].b`, "id", "meta", "password", "schemas", "groups"})
	plain := rapid.SampledFrom([]any{nil, true, false, "True", "false", "", "x", "x@acme.example", 7, 1.5, []any{}, map[string]any{}})
	object := rapid.Custom(func(t *rapid.T) any {
		m := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "keys") {
			key, _ := rapid.OneOf(paths, rapid.SampledFrom([]any{"value", "type", "primary", "Value", "a b", "$ref"})).Draw(t, "key").(string)
			m[key] = plain.Draw(t, "in an object")
		}
		return m
	})
	values := rapid.OneOf(plain, object, rapid.Custom(func(t *rapid.T) any {
		return rapid.SliceOfN(rapid.OneOf(plain, object), 0, 3).Draw(t, "list")
	}))
	rapid.Check(t, func(r *rapid.T) {
		var operations []any
		for range rapid.IntRange(1, 4).Draw(r, "operations") {
			o := map[string]any{"op": verbs.Draw(r, "op"), "value": values.Draw(r, "value")}
			if path := paths.Draw(r, "path"); path != nil {
				o["path"] = path
			}
			operations = append(operations, o)
		}
		body, err := json.Marshal(map[string]any{"schemas": []string{patchSchema}, "Operations": operations})
		if err != nil {
			r.Fatal(err)
		}
		checkPatch(r, string(body))
	})
}

func seeds(f *testing.F) []string {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "vendors", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no bodies: %v", err)
	}
	var bodies []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		bodies = append(bodies, string(data))
	}
	return bodies
}
