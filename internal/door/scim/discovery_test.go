package scim

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServiceProviderConfig(t *testing.T) {
	s := newService(t)
	got := s.do("GET", "/ServiceProviderConfig", "")
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, []any{configSchema}, got.body["schemas"])
	for _, feature := range []string{"patch", "bulk", "filter", "changePassword", "sort", "etag"} {
		require.IsType(t, true, at(got.body, feature, "supported"), feature)
	}
	require.Equal(t, true, at(got.body, "patch", "supported"))
	require.Equal(t, true, at(got.body, "filter", "supported"))
	require.Equal(t, 200.0, at(got.body, "filter", "maxResults"))
	require.IsType(t, 0.0, at(got.body, "bulk", "maxOperations"))
	require.IsType(t, 0.0, at(got.body, "bulk", "maxPayloadSize"))
	schemes := got.body["authenticationSchemes"].([]any)
	require.NotEmpty(t, schemes)
	for _, scheme := range schemes {
		require.Contains(t, []string{"oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"}, at(scheme, "type"))
		require.NotEmpty(t, at(scheme, "name"))
		require.NotEmpty(t, at(scheme, "description"))
	}
	require.Equal(t, "ServiceProviderConfig", at(got.body, "meta", "resourceType"))
}

func TestResourceTypes(t *testing.T) {
	s := newService(t)
	got := s.do("GET", "/ResourceTypes", "")
	require.Equal(t, []any{listSchema}, got.body["schemas"])
	require.Equal(t, 1.0, got.body["totalResults"])
	user := got.body["Resources"].([]any)[0]
	require.Equal(t, user, any(s.do("GET", "/ResourceTypes/User", "").body))
	require.Equal(t, []any{resourceTypeSchema}, at(user, "schemas"))
	require.Equal(t, "/Users", at(user, "endpoint"))
	require.Equal(t, http.StatusOK, s.do("GET", textOf(at(user, "endpoint")), "").Code)
	require.Equal(t, userSchema, at(user, "schema"))
	require.Equal(t, []any{map[string]any{"schema": enterpriseSchema, "required": false}}, at(user, "schemaExtensions"))
	require.Equal(t, http.StatusOK, s.do("GET", "/Schemas/"+textOf(at(user, "schema")), "").Code)
}

// The shape of a schema by RFC 7643, section 7.
func TestSchemas(t *testing.T) {
	s := newService(t)
	got := s.do("GET", "/Schemas", "")
	require.Equal(t, []any{listSchema}, got.body["schemas"], "Entra wants a list")
	list := got.body["Resources"].([]any)
	require.Equal(t, float64(len(list)), got.body["totalResults"])
	require.Equal(t, float64(len(list)), got.body["itemsPerPage"])
	var ids []any
	for _, schema := range list {
		ids = append(ids, at(schema, "id"))
		require.Equal(t, []any{schemaSchema}, at(schema, "schemas"))
		require.Equal(t, "Schema", at(schema, "meta", "resourceType"))
		one := s.do("GET", "/Schemas/"+textOf(at(schema, "id")), "")
		require.Equal(t, schema, any(one.body))
		require.Equal(t, at(schema, "meta", "location"), "http://door.acme.example"+Path+"/Schemas/"+textOf(at(schema, "id")))
		checkAttributes(t, textOf(at(schema, "id")), at(schema, "attributes"), 0)
	}
	require.Equal(t, []any{userSchema, enterpriseSchema}, ids)

	names := func(schema any) (names []string) {
		for _, a := range at(schema, "attributes").([]any) {
			names = append(names, textOf(at(a, "name")))
		}
		return names
	}
	require.Subset(t, names(list[0]), strings.Fields(`userName name displayName nickName profileUrl title userType preferredLanguage locale timezone
		active password emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates`))
	require.Equal(t, strings.Fields("employeeNumber costCenter organization division department manager"), names(list[1]))
}

func checkAttributes(t *testing.T, where string, list any, depth int) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range list.([]any) {
		name := textOf(at(a, "name"))
		place := where + "." + name
		require.NotEmpty(t, name, place)
		require.False(t, seen[strings.ToLower(name)], place)
		seen[strings.ToLower(name)] = true
		require.NotEmpty(t, at(a, "description"), place)
		for key, allowed := range map[string][]string{
			"type":       {"string", "boolean", "decimal", "integer", "dateTime", "reference", "complex", "binary"},
			"mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
			"returned":   {"always", "never", "default", "request"},
			"uniqueness": {"none", "server", "global"},
		} {
			require.Contains(t, allowed, at(a, key), place+" "+key)
		}
		for _, key := range []string{"multiValued", "required", "caseExact"} {
			require.IsType(t, true, at(a, key), place+" "+key)
		}
		sub := at(a, "subAttributes")
		require.Equal(t, at(a, "type") == "complex", sub != nil, place)
		if at(a, "type") == "reference" {
			require.NotEmpty(t, at(a, "referenceTypes"), place)
		}
		if at(a, "mutability") == "writeOnly" {
			require.Equal(t, "never", at(a, "returned"), place)
		}
		if sub != nil {
			require.Zero(t, depth, "%s: a part has no parts", place)
			checkAttributes(t, place, sub, depth+1)
		}
	}
}

// What a user shows must be what the schema says.
func TestUsersAreShownAsTheSchemaSays(t *testing.T) {
	s := newService(t)
	for _, body := range []string{"okta-create", "entra-create"} {
		got := s.do("POST", "/Users", vendor(t, body))
		for key, v := range got.body {
			if isURN(key) {
				continue
			}
			a := topLevel(key)
			require.NotNil(t, a, key)
			require.Equal(t, a.Name, key)
			require.Equal(t, a.MultiValued || key == "schemas", isList(v), key)
			for _, e := range elements(v) {
				object, isObject := e.(map[string]any)
				require.Equal(t, a.Type == typeComplex, isObject, key)
				for part := range object {
					require.True(t, slices.ContainsFunc(a.Sub, func(s attribute) bool { return s.Name == part }), "%s.%s", key, part)
				}
			}
		}
	}
}

func isList(v any) bool {
	_, yes := v.([]any)
	return yes
}
