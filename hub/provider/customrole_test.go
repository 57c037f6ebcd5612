package provider

import "testing"

// Whatever is accepted as a role is within the limits, and nothing that is accepted carries a condition.
func FuzzReadRole(f *testing.F) {
	f.Add([]byte(`{"properties":{"roleName":"R","type":"CustomRole","assignableScopes":["/subscriptions/s"],"permissions":[{"actions":["*/read"]}]}}`))
	f.Add([]byte(`{"properties":{"RoleName":"R","assignableScopes":["/"],"permissions":[{"actions":["a/*"],"Condition":"x"}]}}`))
	f.Add([]byte(`{"properties":{"permissions":[null]}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		role, err := readRole("cccccccc-0000-4000-8000-000000000001", content)
		if err != nil {
			return
		}
		if !role.Custom || role.Name == "" || len(role.AssignableScopes) == 0 || len(role.AssignableScopes) > maxRoleScopes {
			t.Errorf("%+v", role)
		}
		for _, part := range role.Permissions {
			for _, action := range part.Actions {
				if !validAction(action) {
					t.Errorf("action %q", action)
				}
			}
		}
	})
}
