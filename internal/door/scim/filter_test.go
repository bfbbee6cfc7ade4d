package scim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilter(t *testing.T) {
	s := newService(t)
	ids := map[string]string{
		"ann": s.create(`{"userName":"ann@acme.example","externalId":"A1","active":true,"displayName":"Ann \"A\" O'Hara","title":"Boss",
			"emails":[{"type":"work","value":"ann@acme.example","primary":true},{"type":"home","value":"ann@home.example"}],
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":{"value":"m1"}}}`),
		"bob": s.create(`{"userName":"Bob@acme.example","externalId":"a1","active":false,"emails":[{"type":"home","value":"bob@acme.example"}],"age":41}`),
		"cyd": s.create(`{"userName":"cyd","active":true,"name":{"familyName":"Ünal"},"phoneNumbers":[{"type":"work","value":"1"}],"age":7.5}`),
	}
	for filter, want := range map[string]string{
		// what Okta and Entra send
		`userName eq "ann@acme.example"`:                     "ann",
		`externalId eq "A1"`:                                 "ann",
		`emails[type eq "work"].value eq "ann@acme.example"`: "ann",
		`emails[type eq "work"].value eq "ann@home.example"`: "",
		`emails[type eq "work"] eq "ann@acme.example"`:       "ann", // as Entra's documents once had it
		`id eq "` + ids["bob"] + `"`:                         "bob",
		`active eq true`:                                     "ann cyd",
		`active eq false`:                                    "bob",
		`active eq "False"`:                                  "bob",
		`id eq "` + ids["ann"] + `" and manager eq "m1"`:     "ann",
		`id eq "` + ids["bob"] + `" and manager eq "m1"`:     "",
		// names and operators have no case; values have, where the schema says so
		`USERNAME EQ "ANN@ACME.EXAMPLE"`:                                                      "ann",
		`externalId eq "a1"`:                                                                  "bob",
		`userName eq "bob@acme.example" AND active EQ FALSE`:                                  "bob",
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "cyd"`:                        "cyd",
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales"`:    "ann",
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m1"`:    "ann",
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr`:               "ann",
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department ne "Research"`: "ann bob cyd",
		// every operator
		`userName ne "cyd"`:                      "ann bob",
		`userName co "ACME"`:                     "ann bob",
		`userName sw "b"`:                        "bob",
		`userName ew ".example"`:                 "ann bob",
		`title pr`:                               "ann",
		`not (title pr)`:                         "bob cyd",
		`title ne "Boss"`:                        "bob cyd",
		`title eq null`:                          "bob cyd",
		`title ne null`:                          "ann",
		`active ne true`:                         "bob",
		`age gt 7`:                               "bob cyd",
		`age ge 41`:                              "bob",
		`age lt 41`:                              "cyd",
		`age le 41`:                              "bob cyd",
		`age eq 7.5`:                             "cyd",
		`userName gt "bob"`:                      "bob cyd",
		`name.familyName eq "ünal"`:              "cyd",
		`meta.created gt "2020-01-01T00:00:00Z"`: "ann bob cyd",
		`meta.lastModified lt "2020-01-01T01:00:00+01:00"`:                       "",
		`meta.resourceType eq "User"`:                                            "ann bob cyd",
		`emails co "home.example"`:                                               "ann",
		`emails.type eq "home"`:                                                  "ann bob",
		`emails.type eq "work" and emails.value co "home"`:                       "ann", // of different values
		`emails[type eq "work" and value co "home"]`:                             "",    // of one
		`emails[type eq "home"]`:                                                 "ann bob",
		`emails[type eq "home" or primary eq true].value pr`:                     "ann bob",
		`emails[not (type eq "home")].value co "acme"`:                           "ann",
		`emails[(type eq "work" or type eq "home") and value ew "acme.example"]`: "ann bob",
		`not (emails[type eq "home"].value pr)`:                                  "cyd",
		`emails[type eq "work"].value pr and active eq true`:                     "ann",
		`(emails[type eq "work"].value eq "ann@acme.example" or phoneNumbers[type eq "work"].value eq "1") and active eq true`: "ann cyd",
		`emails[primary eq "True"].value pr`:                  "ann",
		`userName eq "cyd" or title eq "boss"`:                "ann cyd",
		`userName eq "cyd" and active eq true or title pr`:    "ann cyd",
		`userName eq "cyd" and (active eq false or title pr)`: "",
		`displayName eq "ann \"a\" o'hara"`:                   "ann",
		`displayName co "\u0022A\u0022"`:                      "ann",
		`nothing eq "x"`:                                      "",
		`nothing[type eq "x"].value eq "y"`:                   "",
		`  userName   eq   "cyd"  `:                           "cyd",
		`userName eq ""`:                                      "",
		`password pr`:                                         "",
	} {
		t.Run(filter, func(t *testing.T) {
			got := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "")
			require.Equal(t, http.StatusOK, got.Code, got.Body.String())
			require.Equal(t, want, who(got, ids))
			searched := s.do("POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":`+quoted(filter)+`}`)
			require.Equal(t, got.body, searched.body)
		})
	}
}

// who says whom a list holds.
func who(got reply, ids map[string]string) string {
	var names []string
	for _, u := range got.body["Resources"].([]any) {
		for name, id := range ids {
			if at(u, "id") == id {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, " ")
}

func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // text always has a form in JSON
	}
	return string(data)
}

func TestFilterThatCannotBeRead(t *testing.T) {
	s := newService(t)
	for _, filter := range []string{
		`userName`, `userName eq`, `userName is "x"`, `userName eq x`, `userName eq 'x'`, `userName eq "x`, `userName eq "x" and`, `and`,
		`(userName eq "x"`, `userName eq "x")`, `not userName eq "x"`, `emails[type eq "work"`, `emails[].value pr`, `emails[type eq "work"].value`, `emails[type eq "work"].`,
		`emails[type eq "work"].value is "x"`, `[type eq "work"]`, `a.b.c eq "x"`, `emails[a[b eq "x"]]`, `1 eq "x"`, `active eq "perhaps"`, `active gt true`,
		`active co true`, `age sw 1`, `userName eq "\x"`, `x@y[a pr]`, strings.Repeat("(", 5000), `userName eq "` + strings.Repeat("x", 5000) + `"`,
	} {
		got := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "")
		require.Equal(t, http.StatusBadRequest, got.Code, filter)
		require.Equal(t, invalidFilter, got.body["scimType"], filter)
	}
}

// A lookup before a synchronisation must not read everybody.
func TestLookupsUseAnIndex(t *testing.T) {
	for filter, want := range map[string]Index{
		`userName eq "a"`:                       ByName,
		`externalId eq "a"`:                     ByExternalID,
		`active eq true and userName eq "a"`:    ByName,
		`externalId eq "a" and active eq false`: ByExternalID,
		`userName eq "a" or active eq true`:     "",
		`not (userName eq "a")`:                 "",
		`userName sw "a"`:                       "",
		`userName pr`:                           "",
		`name.userName eq "a"`:                  "",
		`urn:x:y:User:userName eq "a"`:          "",
	} {
		_, expression, err := parseFilter(filter)
		require.NoError(t, err)
		by, value, ok := indexed(expression)
		require.Equal(t, want, by, filter)
		require.Equal(t, want != "", ok, filter)
		if ok {
			require.Equal(t, "a", value, filter)
		}
	}
}
