export const instructions: string;
export const question: string;
export const model: string;
export const toolName: string;
export const toolDescription: string;
export const parameters: { type: "object"; properties: { city: { type: "string" } }; required: string[] };
export const url: string;
export function getWeather(args: { city: string }): Promise<{ city: string; sky: string }>;
export function measureTurns(run: () => Promise<string>): Promise<void>;
