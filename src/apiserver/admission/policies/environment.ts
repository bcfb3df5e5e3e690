// What a policy's expressions see beyond the request itself: the namespace, parameters, and the policy's own variables.
import type { CelEnvironment } from '../../../api/cel/cel.ts'
import { typeOfKind } from '../../../api/cel/schema-types.ts'
import { type CelType, DYN } from '../../../api/cel/types.ts'
import { Namespace } from '../../../api/kinds/namespace.ts'
import { REQUEST_VARIABLES } from '../cel-request.ts'

/** `variables`: the type of the object that the policy's variables make; undefined where they cannot be used. */
export const policyVariables = (params: boolean, variables: CelType | undefined): CelEnvironment['variables'] => ({
  ...REQUEST_VARIABLES,
  namespaceObject: typeOfKind(Namespace.schema),
  ...(params ? { params: DYN } : {}),
  ...(variables ? { variables } : {}),
})
