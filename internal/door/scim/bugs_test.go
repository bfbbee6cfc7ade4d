package scim

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each case is a mistake that a SCIM service really made and that cost its users leavers nobody heard of. The comment
// names where it was reported.
func TestBugsOfOthers(t *testing.T) {
	for _, c := range []struct {
		where string
		body  string // of a PATCH that must deactivate
	}{
		{"langwatch 6972, 7121; scim-for-keycloak 5: the verb was refused for its capital letter",
			patchOf(`{"op":"Replace","path":"active","value":false}`)},
		{"the same in another case", patchOf(`{"op":"REPLACE","path":"active","value":false}`)},
		{"ory/polis 4070; Cogtrix 122; OneUptime 3852: answered 200 and dropped",
			`{"Operations":[{"op":"Replace","path":"active","value":"False"}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`},
		{"ory/polis 996: active came last, after other attributes and without a path",
			patchOf(`{"op":"replace","path":"name.givenName","value":"Test"},{"op":"replace","path":"name.familyName","value":"User"},{"op":"add","path":"companyName","value":"Acme"},{"op":"replace","value":{"active":false}}`)},
		{"sentry 27199: only one of the two forms was known", patchOf(`{"op":"replace","path":"active","value":false}`)},
		{"sentry 27199: the other form", patchOf(`{"op":"replace","value":{"active":false}}`)},
		{"sentry 44661, 45091; ssoready 155, 167; scimmy 51, 86; scim-patch 872: a boolean sent as text",
			patchOf(`{"op":"Replace","path":"active","value":"False"}`)},
		{"scimmy 86: as text, in small letters", patchOf(`{"op":"Replace","path":"active","value":"false"}`)},
		{"self-hosted sentry 3573; rancher 54025: Add instead of Replace", patchOf(`{"op":"Add","path":"active","value":"False"}`)},
		{"kortix 7297: no path and a boolean as text", patchOf(`{"op":"Replace","value":{"active":"False"}}`)},
		{"zitadel 9282, 9690; ssoready 228: refused for a filtered path beside it",
			patchOf(`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"new@acme.example"},{"op":"Replace","path":"active","value":"False"}`)},
		{"ssoready 249: a filtered path to a list that is not there",
			patchOf(`{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+1 555 0100"},{"op":"Replace","path":"active","value":"False"}`)},
		{"pingidentity/scim2 239; SCIM-SDK 647: a boolean as text inside a filter",
			patchOf(`{"op":"replace","path":"roles[primary eq \"True\"].display","value":"LLWNASSGATWP"},{"op":"Replace","path":"active","value":"False"}`)},
		{"ssoready 167; scim2-server 12, 13: the URN of the extension in the path",
			patchOf(`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"42"},{"op":"Replace","path":"active","value":"False"}`)},
		{"scim2-server 12: the URN alone in the path",
			patchOf(`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"department":"Sales"}},{"op":"replace","path":"active","value":false}`)},
		{"the URN of the user's own schema in the path", patchOf(`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}`)},
		{"the same as a key", patchOf(`{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:active":false}}`)},
		{"the same as an object", patchOf(`{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"active":false}}}`)},
		{"active under the extension, as Entra's table has it", patchOf(`{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:active","value":"False"}`)},
		{"azure-docs 42220: the value in a list of objects", patchOf(`{"op":"Replace","path":"active","value":[{"$ref":null,"value":"False"}]}`)},
		{"the value in an object of its name", patchOf(`{"op":"replace","path":"active","value":{"active":false}}`)},
		{"kortix 7302: a name in another case", patchOf(`{"op":"replace","path":"Active","value":false}`)},
		{"keys in another case", `{"Schemas":["URN:ietf:params:scim:api:messages:2.0:PatchOp"],"operations":[{"Op":"replace","Path":"active","Value":false}]}`},
		{"no schemas", `{"Operations":[{"op":"replace","path":"active","value":false}]}`},
		{"kortix 7302: attributes we know nothing of beside it",
			patchOf(`{"op":"Replace","path":"addresses[type eq \"work\"].locality","value":"Here"},{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:Acme:2.0:User:tag","value":"701984"},{"op":"Replace","value":{"active":"False","favouriteColour":"blue"}}`)},
	} {
		t.Run(c.where, func(t *testing.T) {
			s := newService(t)
			id := s.leaver()
			got := s.do("PATCH", "/Users/"+id, c.body)
			require.Equal(t, http.StatusOK, got.Code, got.Body.String())
			require.Equal(t, false, got.body["active"])
			require.Equal(t, []string{leaves}, s.engine.heard())
			require.Equal(t, false, s.do("GET", "/Users/"+id, "").body["active"])
		})
	}
}

// FusionAuth 3311, sentry-docs 16258: "active": true was refused, once for a user who was inactive, once for one who was not.
func TestActiveTrueIsNeverRefused(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	for _, value := range []string{`true`, `"True"`} {
		s.patched(id, `{"op":"Replace","path":"active","value":`+value+`}`)
		require.Empty(t, s.engine.heard(), "nothing has changed")
	}
	s.patched(id, `{"op":"Replace","path":"active","value":"False"}`)
	s.patched(id, `{"op":"Replace","path":"active","value":"True"}`)
	require.Equal(t, []string{leaves, stays}, s.engine.heard())
}

// AzureAD/SCIMReferenceCode 21: "active": "True" in a POST.
func TestCreateReadsTextAsBoolean(t *testing.T) {
	s := newService(t)
	got := s.do("POST", "/Users", `{"userName":"emp1","active":"True","emails":[{"value":"emp1@acme.example","primary":"True"}]}`)
	require.Equal(t, http.StatusCreated, got.Code, got.Body.String())
	require.Equal(t, true, got.body["active"])
	require.Equal(t, true, at(got.body, "emails", "primary"))
}

// ssoready 164: a user whose userName changed was taken for deleted.
func TestRenameIsNoLeaving(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	got := s.patched(id, `{"op":"Replace","path":"userName","value":"renamed@acme.example"}`)
	require.Equal(t, id, got["id"])
	require.Equal(t, "renamed@acme.example", got["userName"])
	require.Equal(t, true, got["active"])
	require.Empty(t, s.engine.heard())
	require.Equal(t, 0.0, s.do("GET", `/Users?filter=userName+eq+%22leaver@acme.example%22`, "").body["totalResults"])
	require.Equal(t, 1.0, s.do("GET", `/Users?filter=userName+eq+%22RENAMED@acme.example%22`, "").body["totalResults"])
}

// authentik 13386: the configuration said that PATCH is not supported, so it was not used. sourcegraph 49325, the
// validator of Entra: an inactive user was not there, or had no "active".
func TestEntraCanSeeWhatItNeeds(t *testing.T) {
	s := newService(t)
	require.Equal(t, true, at(s.do("GET", "/ServiceProviderConfig", "").body, "patch", "supported"))
	id := s.create(`{"userName":"quiet@acme.example"}`)
	require.Equal(t, true, s.do("GET", "/Users/"+id, "").body["active"], "shown although it was never sent")
}
