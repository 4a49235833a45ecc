export declare const instructions: string;
export declare const toolName: string;
export declare const toolDescription: string;
export declare function getWeather(args: { city: string }): Promise<{ city: string; sky: string }>;
export declare function measureCreation(create: () => unknown): void;
