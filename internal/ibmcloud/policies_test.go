package ibmcloud_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// policyBody is a version 2 policy of group g for the Kubernetes service in one resource group.
func policyBody(id, role, extra string) string {
	return fmt.Sprintf(`{"id":%q,"type":"access","state":"active","control":{"grant":{"roles":[{"role_id":%q}]}},
		"subject":{"attributes":[{"key":"access_group_id","operator":"stringEquals","value":"g"}]},
		"resource":{"attributes":[{"key":"accountId","operator":"stringEquals","value":%q},{"key":"serviceName","operator":"stringEquals","value":"containers-kubernetes"},
		{"key":"resourceGroupId","operator":"stringEquals","value":%q}]%s}`, id, role, account, group, extra)
}

var wanted = offboard.Grant{Name: "platform", Service: "containers-kubernetes", ResourceGroup: group, Roles: []string{administrator}}

// Trap 26 when the list does not show the rival yet: the refusal names it, and it is adopted under its entity tag.
func TestConflictingPolicyIsAdopted(t *testing.T) {
	var replaced map[string]any
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /v2/policies":
			says(200, `{"policies":[]}`)(w, r)
		case "POST /v2/policies":
			says(409, `{"errors":[{"code":"policy_conflict_error","details":{"conflicts_with":{"policy":"rival"}}}]}`)(w, r)
		case "GET /v2/policies/rival":
			says(200, policyBody("rival", manager, `}`), "ETag", "3-tag")(w, r)
		case "PUT /v2/policies/rival":
			assert.Equal(t, "3-tag", r.Header.Get("If-Match"))
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&replaced))
			says(200, policyBody("rival", manager, `}`))(w, r)
		}
	})
	id, created, err := s.cloud(t).Access.Grant(t.Context(), "g", wanted, nil)
	require.NoError(t, err)
	assert.Equal(t, "rival", id)
	assert.False(t, created)
	assert.Equal(t, map[string]any{"grant": map[string]any{"roles": []any{map[string]any{"role_id": manager}, map[string]any{"role_id": administrator}}}}, replaced["control"])
}

func TestConflictWithNobodyNamedIsTriedAgain(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			says(409, `{"errors":[{"code":"policy_conflict_error"}]}`)(w, r)
			return
		}
		says(200, `{"policies":[]}`)(w, r)
	})
	_, _, err := s.cloud(t).Access.Grant(t.Context(), "g", wanted, nil)
	assert.Equal(t, offboard.Conflict, failure(t, err).Code)
}

// A policy that holds only at times, or is narrowed down by a tag or a wildcard, is not what is wanted.
func TestPoliciesThatOnlyLookAlikeAreNotAdopted(t *testing.T) {
	for name, p := range map[string]string{
		"temporary": policyBody("other", administrator, `},"pattern":"time-based-conditions:once","rule":{"key":"{{environment.attributes.current_date_time}}","operator":"dateTimeLessThan","value":"2026-01-01T00:00:00+00:00"}`),
		"tagged":    policyBody("other", administrator, `,"tags":[{"key":"env","operator":"stringEquals","value":"dev"}]}`),
		"wildcard":  `{"id":"other","type":"access","state":"active","control":{"grant":{"roles":[]}},"subject":{"attributes":[{"key":"access_group_id","operator":"stringEquals","value":"g"}]},"resource":{"attributes":[{"key":"serviceName","operator":"stringMatch","value":"c*"}]}}`,
		"another's": `{"id":"other","type":"access","state":"active","control":{"grant":{"roles":[]}},"subject":{"attributes":[{"key":"access_group_id","operator":"stringEquals","value":"h"}]},"resource":{"attributes":[]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					says(201, policyBody("mine", administrator, `}`))(w, r)
				case r.URL.Query().Get("start") == "":
					says(200, `{"policies":[`+p+`],"next":{"href":"https://iam.acme.example/v2/policies?start=two"}}`)(w, r)
				default:
					says(200, `{"policies":[]}`)(w, r)
				}
			})
			id, created, err := s.cloud(t).Access.Grant(t.Context(), "g", wanted, nil)
			require.NoError(t, err)
			assert.Equal(t, "mine", id)
			assert.True(t, created)
			assert.Len(t, s.sent(), 3, "both pages were read")
		})
	}
}

// A stale entity tag is a conflict for the next attempt to resolve, never overwritten.
func TestPolicyChangedMeanwhile(t *testing.T) {
	s := newStub(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			says(412, `{"errors":[{"code":"stale"}]}`)(w, r)
		case r.URL.Path == "/v2/policies/p":
			says(200, policyBody("p", manager, `}`), "ETag", "1-old")(w, r)
		default:
			says(200, `{"policies":[`+policyBody("p", manager, `}`)+`]}`)(w, r)
		}
	})
	_, _, err := s.cloud(t).Access.Grant(t.Context(), "g", wanted, nil)
	e := failure(t, err)
	assert.Equal(t, offboard.Conflict, e.Code)
	assert.False(t, e.Ambiguous)
}
